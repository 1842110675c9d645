"""Keeping what the files on `main` say beside what the card says."""

import hashlib
from collections.abc import Collection
from typing import Any

from app.core.db import AsyncSession
from app.core.errors import AppError
from app.core.storage import BlobStore
from app.hub import facts
from app.hub.card import parse_card
from app.hub.queries import repositories as queries
from app.hub.schemas import MAIN, RepositoryKind
from app.hub.service import files, weights
from app.hub.service.cards import CARD_PATH, apply_card, write_search_text
from app.hub.tables import Repository


async def refresh(db: AsyncSession, storage: BlobStore, repository_id: int) -> bool:
    """Read a model's configuration and weights again if they changed; True if they did."""
    repository = await queries.repository_by_id(db, repository_id)
    if repository is None or repository.kind is not RepositoryKind.MODEL:
        return False
    heads = await queries.main_files(db, repository_id)
    wanted = {*facts.CONFIGS, weights.SINGLE, weights.INDEX, CARD_PATH}
    read = sorted((path, oid) for path, oid in heads.items() if path in wanted)
    endings = sorted({path.rsplit(".", 1)[-1] for path in heads})
    key = hashlib.sha256(repr((read, endings)).encode()).hexdigest()
    if key == repository.facts_key:
        return False
    configs = {}
    for name in facts.CONFIGS:
        if name in heads:
            configs[name] = await _read(db, storage, repository, name)
    # What the files said before must not stay in the tags: the card is the ground they stand on.
    text = await _read(db, storage, repository, CARD_PATH) if CARD_PATH in heads else b""
    apply_card(repository, parse_card(text.decode("utf-8", "replace").replace("\0", "")))
    numbers = await _weights(db, storage, repository, heads)
    _write(repository, facts.facts_of(configs, heads, numbers))
    repository.facts_key = key
    await db.flush()
    return True


def _write(repository: Repository, found: facts.Facts) -> None:
    repository.config = found.config
    repository.weights = found.weights
    repository.num_parameters = found.num_parameters
    repository.library = repository.library or found.library
    repository.task = repository.task or found.task
    more = [found.library, found.task, *found.tags]
    repository.tags = list(dict.fromkeys([*repository.tags, *filter(None, more)]))
    write_search_text(repository)


async def _read(db: AsyncSession, storage: BlobStore, repository: Repository, path: str) -> bytes:
    try:
        handle = await files.open_file(db, storage, repository, MAIN, path)
        return await handle.read_all(0, min(handle.size, facts.MAX_JSON_BYTES))
    except AppError:
        return b""


async def _weights(
    db: AsyncSession, storage: BlobStore, repository: Repository, paths: Collection[str]
) -> dict[str, Any]:
    """Return how many numbers the weights hold; nothing if there are none, or none to be read."""
    if not {weights.SINGLE, weights.INDEX} & set(paths):
        return {}
    found = await weights.find_weights(db, storage, repository)
    return found.summary if found and found.summary["total"] else {}
