"""Freeing space: what nothing refers to any more goes, after a while, and never what is in use.

First rows go, judged by their references; then the store is listed, and objects go that no row
leads to. Both wait: a client may be about to commit what it has sent, and Xet clients remember for
three weeks which bundles they need not send again.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NoReturn

import structlog

from app.core.clock import now
from app.core.db import AsyncSession, Database
from app.core.storage import BlobStore, StoredObject
from app.hub.objects import decode_tree
from app.hub.queries import garbage as queries
from app.hub.queries.garbage import Removed

log = structlog.get_logger(__name__)

InUse = Callable[[AsyncSession, Collection[str]], Awaitable[set[str]]]

_PREFIXES = ("lfs", "xorb", "git", "upload")


@dataclass(frozen=True)
class Grace:
    """How long things stay after the last time somebody sent them."""

    objects: timedelta = timedelta(days=1)
    xorbs: timedelta = timedelta(weeks=4)


@dataclass
class Freed:
    """What went: rows by kind, and the objects of the store behind them."""

    rows: dict[str, Removed] = field(default_factory=dict)
    objects: dict[str, Removed] = field(default_factory=dict)

    def add_rows(self, kind: str, more: Removed) -> None:
        """Count rows."""
        self.rows[kind] = _sum(self.rows.get(kind, Removed()), more)

    def add_objects(self, prefix: str, more: Removed) -> None:
        """Count objects."""
        self.objects[prefix] = _sum(self.objects.get(prefix, Removed()), more)


def _sum(one: Removed, two: Removed) -> Removed:
    return Removed(one.count + two.count, one.size + two.size)


class _RehearsedError(Exception):
    """Ends a rehearsal: its transaction is rolled back."""


def _undo() -> NoReturn:
    raise _RehearsedError


class Collector:
    """One collection of garbage.

    Args:
        database: where the rows are.
        storage: where the bytes are.
        in_use: who else keeps objects: each returns those of some keys that it needs.
        grace: how long things stay.
    """

    def __init__(
        self,
        database: Database,
        storage: BlobStore,
        in_use: Collection[InUse] = (),
        grace: Grace | None = None,
    ) -> None:
        self._database = database
        self._storage = storage
        self._in_use = in_use
        self._grace = grace or Grace()
        self._freed = Freed()

    async def collect(self) -> Freed:
        """Remove garbage, a few hundred rows a transaction; return what went."""
        for kind in ("links", "large files", "xorbs"):
            while await self._step(kind):
                pass
        async with self._database.transaction() as db:
            await self._drop_blobs(db)
        async with self._database.transaction() as db:
            await self._drop_objects(db, rehearsed=False)
        log.info(
            "garbage_collected", num_objects=sum(r.count for r in self._freed.objects.values())
        )
        return self._freed

    async def rehearse(self) -> Freed:
        """Return what `collect` would remove, and change nothing."""
        try:
            async with self._database.transaction() as db:
                for kind in ("links", "large files", "xorbs"):
                    while await self._drop(db, kind):
                        pass
                await self._drop_blobs(db)
                await self._drop_objects(db, rehearsed=True)
                _undo()
        except _RehearsedError:
            return self._freed

    async def _step(self, kind: str) -> bool:
        async with self._database.transaction() as db:
            return await self._drop(db, kind)

    async def _drop(self, db: AsyncSession, kind: str) -> bool:
        if kind == "links":
            gone = await queries.drop_uncommitted(db, now() - self._grace.objects)
        elif kind == "large files":
            gone = await queries.drop_large_files(db, now() - self._grace.objects)
        else:
            gone = await queries.drop_xorbs(db, now() - self._grace.xorbs)
        self._freed.add_rows(kind, gone)
        return gone.count > 0

    async def _drop_blobs(self, db: AsyncSession) -> None:
        before = now() - self._grace.objects
        unreached = await queries.old_big_blobs(db, before)
        if unreached:
            await _strike_out(db, unreached)
        self._freed.add_rows("git files", await queries.drop_blobs(db, unreached, before))

    async def _drop_objects(self, db: AsyncSession, *, rehearsed: bool) -> None:
        for prefix in _PREFIXES:
            async for batch in self._storage.objects(prefix):
                unused = await self._unused(db, batch)
                for found in unused:
                    if rehearsed or await self._storage.delete_unless_written(
                        found.key, now() - self._grace.objects
                    ):
                        self._freed.add_objects(prefix, Removed(1, found.size))

    async def _unused(self, db: AsyncSession, batch: list[StoredObject]) -> list[StoredObject]:
        old = {one.key: one for one in batch if one.written < now() - self._grace.objects}
        if not old:
            return []
        used = await queries.keys_in_use(db, old)
        for ask in self._in_use:
            used |= await ask(db, old)
        return [one for key, one in old.items() if key not in used]


async def _strike_out(db: AsyncSession, candidates: set[str]) -> None:
    """Take out of `candidates` every file that some commit leads to."""
    seen: set[bytes] = set()
    async for roots in queries.commit_trees(db):
        level = set(roots)
        while level and candidates:
            seen |= {bytes.fromhex(oid) for oid in level}
            below: set[str] = set()
            for raw in await queries.tree_contents(db, level):
                for entry in decode_tree(raw):
                    if entry.is_folder:
                        below.add(entry.oid)
                    else:
                        candidates.discard(entry.oid)
            level = {oid for oid in below if bytes.fromhex(oid) not in seen}
