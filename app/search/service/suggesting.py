"""Names that begin with what somebody types; every look is at a range of an index."""

import unicodedata
from collections.abc import Awaitable, Callable, Collection, Sequence
from itertools import zip_longest

from app.accounts.schemas import AccountRef
from app.accounts.service import indexed as accounts
from app.core.db import AsyncSession
from app.core.security import Viewer
from app.hub.schemas import RepositoryKind
from app.hub.service import names as repositories
from app.jobs.service import names as jobs
from app.questions import service as questions
from app.questions.service import names as titles
from app.search.schemas import Suggested, Suggestion

MOST = 8
# Nothing that is typed on the way to a name is longer.
_LONGEST = 100
# So many people whose names begin so are asked for what is theirs.
_OWNERS = 5
_SHORTEST_WORD = 2
_MOST_DIGITS = 9
_DATASETS = "datasets/"
_JOB_WORDS, _QUESTION_WORDS = ("job", "run"), ("question", "q")

Found = Sequence[Suggestion]


async def suggest(
    db: AsyncSession, viewer: Viewer, starts: str, kinds: Collection[str]
) -> list[Suggestion]:
    """Return at most eight names that begin so, of these kinds, that the viewer may see.

    What may stand in a text before a name (`@`, `#`, `datasets/`) is understood. Kinds take turns,
    so that none hides the others. Whatever is typed, it is no error.
    """
    typed = starts.strip().lstrip("#@")
    key = unicodedata.normalize("NFKC", typed).casefold()
    if not key or len(key) > _LONGEST:
        return []
    people = await _people(db, key) if _needs_people(kinds) else []
    lists = [
        await find(db, viewer, typed, key, people) for kind, find in _KINDS.items() if kind in kinds
    ]
    turns = [one for turn in zip_longest(*lists) for one in turn if one is not None][:MOST]
    order = list(_KINDS)
    return sorted(turns, key=lambda one: order.index(one.kind))


def _needs_people(kinds: Collection[str]) -> bool:
    return not {Suggested.ACCOUNT, Suggested.MODEL, Suggested.DATASET}.isdisjoint(kinds)


async def _people(db: AsyncSession, key: str) -> Sequence[AccountRef]:
    return [] if "/" in key else await accounts.names_beginning(db, key, MOST)


async def _accounts(
    _db: AsyncSession, _viewer: Viewer, _typed: str, _key: str, people: Sequence[AccountRef]
) -> Found:
    return [
        Suggestion(Suggested.ACCOUNT, one.name, one.display_name, f"/{one.name}") for one in people
    ]


async def _models(
    db: AsyncSession, viewer: Viewer, _typed: str, key: str, people: Sequence[AccountRef]
) -> Found:
    return await _repositories(db, viewer, RepositoryKind.MODEL, key, people)


async def _datasets(
    db: AsyncSession, viewer: Viewer, _typed: str, key: str, people: Sequence[AccountRef]
) -> Found:
    start = key.removeprefix(_DATASETS)
    return await _repositories(db, viewer, RepositoryKind.DATASET, start, people)


async def _repositories(
    db: AsyncSession,
    viewer: Viewer,
    kind: RepositoryKind,
    start: str,
    people: Sequence[AccountRef],
) -> Found:
    if not start:
        return []
    owners = [one.id for one in people[:_OWNERS]]
    found = await repositories.names_beginning(db, viewer, kind, start, owners, MOST)
    return [
        Suggestion(
            Suggested(kind.value),
            f"{one.owner}/{one.name}",
            one.task,
            f"/{kind.web_prefix}{one.owner}/{one.name}",
        )
        for one in found
    ]


async def _questions(
    db: AsyncSession, _viewer: Viewer, typed: str, key: str, _people: Sequence[AccountRef]
) -> Found:
    digits = _digits(key, _QUESTION_WORDS)
    if digits is not None:
        found = await titles.numbers_beginning(db, digits, MOST)
    else:
        found = await titles.titles_beginning(db, typed, MOST)
    return [
        Suggestion(Suggested.QUESTION, f"question-{number}", title, f"/questions/{number}")
        for number, title in found
    ]


async def _jobs(
    db: AsyncSession, viewer: Viewer, typed: str, key: str, _people: Sequence[AccountRef]
) -> Found:
    found = await jobs.own_beginning(db, viewer, _digits(key, _JOB_WORDS), typed, MOST)
    return [
        Suggestion(Suggested.JOB, f"job-{number}", title, f"/jobs/{number}")
        for number, title in found
    ]


async def _tags(
    db: AsyncSession, _viewer: Viewer, _typed: str, key: str, _people: Sequence[AccountRef]
) -> Found:
    found = await questions.tags_beginning(db, key, MOST)
    return [Suggestion(Suggested.TAG, tag.name, "", f"/tags/{tag.name}") for tag in found]


def _digits(key: str, words: Collection[str]) -> str | None:
    """Return the digits of `job-12`, `job-` or `12`; None if it is no such thing."""
    for word in words:
        if len(key) >= _SHORTEST_WORD and f"{word}-".startswith(key):
            return ""
    for word in words:
        key = key.removeprefix(f"{word}-")
    is_number = key.isascii() and key.isdecimal() and not key.startswith("0")
    return key if is_number and len(key) <= _MOST_DIGITS else None


Find = Callable[[AsyncSession, Viewer, str, str, Sequence[AccountRef]], Awaitable[Found]]
# In the order in which they are shown.
_KINDS: dict[Suggested, Find] = {
    Suggested.MODEL: _models,
    Suggested.DATASET: _datasets,
    Suggested.ACCOUNT: _accounts,
    Suggested.QUESTION: _questions,
    Suggested.JOB: _jobs,
    Suggested.TAG: _tags,
}
