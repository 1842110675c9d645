"""Keeping the index like what it is of: at once where news come, and by a sweep that misses none.

News can be lost when a process dies. So every source is also read by time: whatever changed since
the last look, and a little before, for transactions that ended late.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from app.core.clock import now
from app.core.db import AsyncSession, Database
from app.core.storage import BlobStore
from app.search import queries
from app.search.schemas import MAX_BODY_CHARS, Draft
from app.search.service import sources
from app.search.words import VERSION, normalised, vector

log = structlog.get_logger(__name__)

_TOGETHER = 100
_OVERLAP = timedelta(minutes=2)
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)

Changed = Callable[[AsyncSession, datetime, int, int], Awaitable[Sequence[tuple[datetime, int]]]]
Read = Callable[[AsyncSession, BlobStore, Sequence[int]], Awaitable[list[Draft]]]


@dataclass(frozen=True)
class Source:
    """Where texts come from: what changed since a moment, and what there is of it."""

    name: str
    changed: Changed
    read: Read


SOURCES = (
    Source("repositories", sources.changed_repositories, sources.read_repositories),
    Source("tutorials", sources.changed_tutorials, sources.read_tutorials),
    Source("discussions", sources.changed_discussions, sources.read_discussions),
)


async def catch_up(database: Database, storage: BlobStore) -> int:
    """Index whatever changed since the last time; return how many things that were."""
    return sum([await _catch_up(database, storage, source) for source in SOURCES])


async def _catch_up(database: Database, storage: BlobStore, source: Source) -> int:
    """Index in transactions of a hundred, so that a first time over all may be broken off."""
    name, began = f"{source.name} {VERSION}", now()
    async with database.transaction() as db:
        known = await queries.read_to(db, name)
    moment, last, done = (known - _OVERLAP if known else _BEGINNING), 0, 0
    while True:
        async with database.transaction() as db:
            found = await source.changed(db, moment, last, _TOGETHER)
            if not found:
                if done:
                    # Up to now, not to the last change: that one would be read again for ever.
                    await queries.set_read_to(db, name, max(began, known or began))
                return done
            await put(db, await source.read(db, storage, [number for _, number in found]))
            moment, last = found[-1]
            await queries.set_read_to(db, name, max(moment, known or moment))
        done += len(found)


async def put(db: AsyncSession, drafts: Sequence[Draft]) -> None:
    """Write texts into the index; parts of a thing that are not among them any more go."""
    ordered = sorted(drafts, key=lambda draft: (draft.kind, draft.subject_id))
    # Cutting a hundred texts takes a while, in which other requests are answered.
    await queries.put(db, await asyncio.to_thread(lambda: [_row(draft) for draft in ordered]))
    await queries.drop_others(
        db, [(one.kind, one.subject_id, one.language, one.part) for one in ordered]
    )


def _row(draft: Draft) -> dict[str, Any]:
    body = draft.body[:MAX_BODY_CHARS].replace("\0", "")
    names = " ".join((*draft.tags, draft.author))
    return {
        "kind": draft.kind.value,
        "subject_id": draft.subject_id,
        "language": draft.language,
        "part": draft.part,
        "repository_id": draft.repository_id,
        "owner_id": draft.owner_id,
        "private": draft.private,
        "place": draft.place,
        "title": draft.title,
        "body": body,
        "tags": [normalised(tag) for tag in draft.tags],
        "author": draft.author,
        "words": vector([("A", draft.title), ("B", names), ("C", draft.heading), ("D", body)]),
        "quality": draft.quality,
        "score": draft.score,
        "is_open": draft.is_open,
        "created_at": draft.created_at,
        "updated_at": draft.updated_at,
    }
