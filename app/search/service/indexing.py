"""Keeping the index like what it is of: at once where news come, and by a sweep that misses none.

News can be lost when a process dies. So every source is also read by time: whatever changed since
the last look, and a little before, for transactions that ended late.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row

from app.core.clock import now
from app.core.db import AsyncSession, Database
from app.core.storage import BlobStore
from app.search.queries import writing
from app.search.schemas import MAX_BODY_CHARS, Draft, Kind
from app.search.service.sources import SOURCES, Source
from app.search.words import VERSION, label, surface_words, vector

log = structlog.get_logger(__name__)

_TOGETHER = 100
_OVERLAP = timedelta(minutes=2)
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


async def catch_up(database: Database, storage: BlobStore, rest: float = 0.0) -> int:
    """Index whatever changed since the last time; return how many things that were.

    After each hundred of many it pauses, `rest` times as long as they took.
    """
    done = sum([await _catch_up(database, storage, source, rest) for source in SOURCES])
    return done + await _read_again(database, storage)


async def _read_again(database: Database, storage: BlobStore) -> int:
    """Index what is to be read again, whenever it changed: what an erased person leaves."""
    done = 0
    while True:
        async with database.transaction() as db:
            things = await writing.take_asked_again(db, _TOGETHER)
            if not things:
                return done
            for source in SOURCES:
                ids = sorted({number for kind, number in things if kind in source.kinds})
                if ids:
                    await put(db, await source.read(db, storage, ids), source.things(ids))
        done += len(things)


async def _catch_up(database: Database, storage: BlobStore, source: Source, rest: float) -> int:
    """Index in transactions of a hundred, so that a first time over all may be broken off."""
    name, began = f"{source.name} {VERSION}", now()
    async with database.transaction() as db:
        known = await writing.read_to(db, name)
    moment, last, done = (known - _OVERLAP if known else _BEGINNING), 0, 0
    while True:
        started = time.monotonic()
        async with database.transaction() as db:
            found = await source.changed(db, moment, last, _TOGETHER)
            if not found:
                if done:
                    # Up to now, not to the last change: that one would be read again for ever.
                    await writing.set_read_to(db, name, max(began, known or began))
                return done
            ids = [number for _, number in found]
            await put(db, await source.read(db, storage, ids), source.things(ids))
            moment, last = found[-1]
            await writing.set_read_to(db, name, max(moment, known or moment))
        done += len(found)
        if len(found) == _TOGETHER:
            await asyncio.sleep(rest * (time.monotonic() - started))


async def put(
    db: AsyncSession, drafts: Sequence[Draft], things: Collection[tuple[Kind, int]] = ()
) -> None:
    """Write texts into the index; what is not among them any more of the same things goes.

    `things` names what was looked for as well, so that what was not found goes altogether.
    """
    ordered = sorted(drafts, key=lambda draft: (draft.kind, draft.subject_id))
    read = {*things, *((one.kind, one.subject_id) for one in ordered)}
    before = await writing.public_texts(db, read)
    # Cutting a hundred texts takes a while, in which other requests are answered.
    rows, changes = await asyncio.to_thread(lambda: (_rows(ordered), _words(ordered, before)))
    await writing.put(db, rows)
    kept = [(one.kind, one.subject_id, one.language, one.part) for one in ordered]
    await writing.drop_others(db, read, kept)
    await writing.count_words(db, changes)


def _words(drafts: Sequence[Draft], before: Iterable[Row[str, str]]) -> Counter[str]:
    """Return in how many public texts more, or fewer, each Latin word now is."""
    changes = Counter[str]()
    for draft in drafts:
        if not draft.private:
            changes.update(surface_words(f"{draft.title}\n{_body(draft)}"))
    for title, body in before:
        changes.subtract(surface_words(f"{title}\n{body}"))
    return changes


def _body(draft: Draft) -> str:
    return draft.body[:MAX_BODY_CHARS].replace("\0", "")


def _rows(drafts: Sequence[Draft]) -> list[dict[str, Any]]:
    return [_row(draft) for draft in drafts]


def _labels(draft: Draft) -> list[str]:
    """Return what operators ask of a text, as lexemes."""
    facts = [("kind", draft.kind.value), ("user", draft.author), ("lang", draft.language)]
    facts += [*draft.facts, *(("tag", tag) for tag in draft.tags)]
    if draft.is_open is not None:
        facts.append(("is", "open" if draft.is_open else "closed"))
    if "```" in draft.body or "~~~" in draft.body:
        facts.append(("has", "code"))
    return list(dict.fromkeys(label(name, value) for name, value in facts if value))


def _row(draft: Draft) -> dict[str, Any]:
    body, labels = _body(draft), _labels(draft)
    names = " ".join((*draft.tags, draft.author))
    sections = [("A", draft.title), ("B", names), ("C", draft.heading), ("D", body)]
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
        "labels": labels,
        "author": draft.author,
        "words": vector(sections, labels),
        "quality": draft.quality,
        "score": draft.score,
        "is_open": draft.is_open,
        "created_at": draft.created_at,
        "updated_at": draft.updated_at,
    }
