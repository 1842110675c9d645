"""Keeping the columns that lists filter by equal to what the card says."""

import asyncio
from collections.abc import Collection

from app.core.db import AsyncSession
from app.core.errors import InvalidError
from app.core.i18n import _
from app.core.storage import BlobStore
from app.hub.card import Card, Metric, parse_card, split_card, stated
from app.hub.queries import objects as queries
from app.hub.queries import repositories
from app.hub.schemas import RepositoryKind
from app.hub.service.trees import TreeChanges
from app.hub.tables import Blob, Repository
from app.hub.words import search_text

CARD_PATH = "README.md"
StatedMetric = Metric
_MAX_CARD_BYTES = 2 << 20
# Cards that are larger than a row holds are read from the store, so many beside each other.
_READ_AT_ONCE = 8


async def refresh(
    db: AsyncSession, storage: BlobStore, repository: Repository, changes: TreeChanges
) -> None:
    """Read the card again if a commit to `main` touched it."""
    if CARD_PATH in changes.new:
        text = await _text(db, storage, changes.new[CARD_PATH].oid)
        apply_card(repository, parse_card(text, is_dataset=is_dataset(repository)))
    elif CARD_PATH in changes.old:
        apply_card(repository, Card())


def check_card(text: str, *, is_dataset: bool) -> Card:
    """Return what a card says, if it may be written so.

    Raises:
        InvalidError: its head is not acceptable; `details` names every key.
    """
    card = parse_card(text, is_dataset=is_dataset)
    if card.problems:
        said = " ".join(f"{one.message}." for one in card.problems[:5]).replace("..", ".")
        raise InvalidError(
            f"{CARD_PATH}: "
            + _("The head of this card is not valid: %(problems)s") % {"problems": said},
            fix=" ".join(dict.fromkeys(one.fix for one in card.problems[:5] if one.fix)),
            code="bad_card",
            details=card.problems,
        )
    return card


async def check_stored(
    db: AsyncSession, storage: BlobStore, repository: Repository, oid: str
) -> None:
    """Pass only if this stored blob may be written as the repository's card.

    Raises:
        InvalidError: its head is not acceptable; `details` names every key.
    """
    check_card(await _text(db, storage, oid), is_dataset=is_dataset(repository))


def is_dataset(repository: Repository) -> bool:
    """Whether the rules for cards of data sets count."""
    return repository.kind is RepositoryKind.DATASET


async def card_texts(db: AsyncSession, storage: BlobStore, ids: Collection[int]) -> dict[int, str]:
    """Return the Markdown of the cards on `main` of repositories, without their heads, by id."""
    oids = await repositories.card_oids(db, ids, CARD_PATH)
    blobs = await queries.whole_blobs(db, oids.values())
    few = asyncio.Semaphore(_READ_AT_ONCE)

    async def card(oid: str) -> str:
        async with few:
            return split_card(await _blob_text(storage, blobs.get(oid)))[1]

    return dict(zip(oids, await asyncio.gather(*map(card, oids.values())), strict=True))


def stated_metrics(repository: Repository) -> list[Metric]:
    """Return the numbers that the card on `main` states."""
    return stated(repository.card)[0]


def stated_datasets(repository: Repository) -> list[str]:
    """Return the data sets that the card on `main` names."""
    return list(dict.fromkeys(stated(repository.card)[1]))


async def _text(db: AsyncSession, storage: BlobStore, oid: str) -> str:
    return await _blob_text(storage, await queries.blob(db, oid))


async def _blob_text(storage: BlobStore, blob: Blob | None) -> str:
    if blob is None or blob.lfs_sha256 is not None:
        return ""
    raw = blob.inline
    if raw is None and blob.storage_key is not None:
        raw = await storage.read_all(blob.storage_key, 0, _MAX_CARD_BYTES)
    return (raw or b"").decode("utf-8", "replace").replace("\0", "")


def apply_card(repository: Repository, card: Card) -> None:
    """Write what a card says into the repository's row."""
    repository.task = card.task
    repository.library = card.library
    repository.license = card.license
    repository.summary = card.summary
    repository.languages = list(card.languages)
    repository.base_models = list(card.base_models)
    repository.tags = list(card.tags)
    repository.card = dict(card.metadata)
    write_search_text(repository)


def write_search_text(repository: Repository) -> None:
    """Write down what a search looks into; call it when name, summary or tags have changed."""
    address = f"{repository.owner_name}/{repository.name}"
    repository.search_text = search_text(address, repository.summary, repository.tags)
