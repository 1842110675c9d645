"""Bringing the commits of one branch into another: by path, and by line where both changed a text.

Only folders that differ are opened, so a merge costs what changed and not what is there.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.core.db import AsyncSession
from app.core.storage import BlobStore
from app.hub.errors import revision_not_found
from app.hub.objects import EMPTY_TREE, MODE_LINK, MODE_SUBMODULE, TreeEntry
from app.hub.queries import objects as queries
from app.hub.queries import walks
from app.hub.schemas import (
    MAX_REGULAR_BYTES,
    AddBlob,
    AddFile,
    CommitInfo,
    CommitNode,
    DeleteFile,
    Operation,
)
from app.hub.service.revisions import commit_info
from app.hub.service.trees import TreeChanges, ancestors, compare, find_entries
from app.hub.tables import Blob, Commit, Repository
from app.hub.text_merge import TooAlikeError, merge_text

_WINDOW = 64
MAX_LISTED = 250
_MAX_TEXT_BYTES = 1_000_000


class Why(StrEnum):
    """Why a file cannot be merged."""

    LINES = "lines"
    BINARY = "binary"
    LARGE = "large"
    DELETED_HERE = "deleted_here"
    DELETED_THERE = "deleted_there"
    ADDED_TWICE = "added_twice"
    FOLDER = "folder"


@dataclass(frozen=True)
class PathConflict:
    """A file that both sides changed in ways that do not go together."""

    path: str
    why: Why


@dataclass(frozen=True)
class Ancestry:
    """How one commit stands to another: their newest common one, and what only the first has."""

    base: str
    ahead: Sequence[str]
    num_behind: int


@dataclass(frozen=True)
class MergePlan:
    """What a merge would do to the branch: operations, or conflicts and nothing done."""

    operations: Sequence[Operation]
    conflicts: Sequence[PathConflict]


async def ancestry_of(db: AsyncSession, repository: Repository, head: str, onto: str) -> Ancestry:
    """Return how the commit `head` stands to the commit `onto`.

    Commits are read in windows of generations, from the tips down, until a common one is found.

    Raises:
        NotFoundError: one of them is not a commit of this repository.
    """
    tips = [await _commit(db, repository, oid) for oid in (head, onto)]
    floor = min(tip.generation for tip in tips) - _WINDOW
    depth = _WINDOW
    while True:
        nodes = await walks.ancestry(db, repository.id, {head, onto}, floor)
        links = {node.oid: node for node in nodes}
        mine, others = _reach(links, head), _reach(links, onto)
        common = mine & others
        if common or floor <= 0:
            break
        depth *= 4
        floor -= depth
    base = max(common, key=lambda oid: (links[oid].generation, oid), default="")
    ahead = sorted(mine - others, key=lambda oid: (-links[oid].generation, oid))
    return Ancestry(base, ahead, len(others - mine))


async def _commit(db: AsyncSession, repository: Repository, oid: str) -> Commit:
    found = await queries.commit_by_oid(db, repository.id, oid)
    if found is None:
        raise revision_not_found(oid)
    return found


def _reach(links: dict[str, CommitNode], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        oid = waiting.pop()
        if oid in links and oid not in seen:
            seen.add(oid)
            waiting += links[oid].parents
    return seen


async def commits_ahead(
    db: AsyncSession, repository: Repository, found: Ancestry
) -> list[CommitInfo]:
    """Return the commits that only the first side has, the newest first, at most `MAX_LISTED`."""
    rows = await queries.commits_by_oid(db, repository.id, found.ahead[:MAX_LISTED])
    return [commit_info(row) for row in rows]


async def plan_merge(  # three commits, and where they are
    db: AsyncSession,
    storage: BlobStore,
    repository: Repository,
    base: str,
    ours: str,
    theirs: str,
) -> MergePlan:
    """Return what brings `theirs` into `ours`, both grown from `base` (empty: from nothing).

    Raises:
        NotFoundError: one of them is not a commit of this repository.
    """
    trees = [
        (await _commit(db, repository, oid)).tree if oid else EMPTY_TREE
        for oid in (base, ours, theirs)
    ]
    here = await compare(db, trees[0], trees[1])
    there = await compare(db, trees[0], trees[2])
    merge = _Merge(db, storage, here, there)
    await merge.run()
    merge.conflicts += await _in_the_way(db, trees[1], there, merge)
    return MergePlan(merge.operations, sorted(merge.conflicts, key=lambda one: one.path))


class _Merge:
    """Decides path by path; conflicts do not stop it, so that all of them are named."""

    def __init__(
        self, db: AsyncSession, storage: BlobStore, here: TreeChanges, there: TreeChanges
    ) -> None:
        self._db = db
        self._storage = storage
        self._here = here
        self._there = there
        self.operations: list[Operation] = []
        self.conflicts: list[PathConflict] = []

    async def run(self) -> None:
        """Look at every path that the other side changed."""
        touched_here = self._here.old.keys() | self._here.new.keys()
        for path in sorted(self._there.old.keys() | self._there.new.keys()):
            mine, other = self._here.new.get(path), self._there.new.get(path)
            if path not in touched_here:
                self._take(path, other)
            elif mine != other:
                await self._both(path, mine, other)

    def _take(self, path: str, entry: TreeEntry | None) -> None:
        if entry is None:
            self.operations.append(DeleteFile(path))
        else:
            self.operations.append(AddBlob(path, entry.oid, entry.mode))

    async def _both(self, path: str, mine: TreeEntry | None, other: TreeEntry | None) -> None:
        base = self._there.old.get(path)
        if mine is None or other is None:
            why = Why.DELETED_HERE if mine is None else Why.DELETED_THERE
            self.conflicts.append(PathConflict(path, why))
        elif base is None:
            self.conflicts.append(PathConflict(path, Why.ADDED_TWICE))
        elif mine.oid == other.oid or base.oid in {mine.oid, other.oid}:
            # One side changed the content, the other only whether the file may be executed.
            oid = other.oid if base.oid == mine.oid else mine.oid
            mode = other.mode if base.mode == mine.mode else mine.mode
            self.operations.append(AddBlob(path, oid, mode))
        else:
            await self._lines(path, base, mine, other)

    async def _lines(self, path: str, base: TreeEntry, mine: TreeEntry, other: TreeEntry) -> None:
        merged: bytes | None = None
        why = await self._unmergeable(base, mine, other)
        if why is None:
            contents = [await self._content(entry) for entry in (base, mine, other)]
            why, merged = await asyncio.to_thread(_merged, *contents)
        if why is not None or merged is None:
            self.conflicts.append(PathConflict(path, why or Why.LINES))
            return
        mode = other.mode if base.mode == mine.mode else mine.mode
        self.operations.append(AddFile(path, merged, mode))

    async def _unmergeable(self, *entries: TreeEntry) -> Why | None:
        if any(entry.mode in {MODE_LINK, MODE_SUBMODULE} for entry in entries):
            return Why.BINARY
        blobs = await queries.blobs(self._db, {entry.oid for entry in entries})
        rows = [blobs[entry.oid] for entry in entries if entry.oid in blobs]
        if any(row.lfs_sha256 for row in rows) or len(rows) < len(entries):
            return Why.LARGE
        if any(row.size > _MAX_TEXT_BYTES for row in rows):
            return Why.LARGE
        return None

    async def _content(self, entry: TreeEntry) -> bytes:
        row: Blob | None = await queries.blob(self._db, entry.oid)
        if row is None:
            return b""
        if row.inline is not None:
            return row.inline
        return await self._storage.read_all(row.storage_key or "", 0, MAX_REGULAR_BYTES)


def _merged(base: bytes, ours: bytes, theirs: bytes) -> tuple[Why | None, bytes | None]:
    """Return why two texts cannot be merged, or the merged one."""
    try:
        for text in (base, ours, theirs):
            text.decode()
    except UnicodeDecodeError:
        return Why.BINARY, None
    if any(b"\0" in text for text in (base, ours, theirs)):
        return Why.BINARY, None
    try:
        return None, merge_text(base, ours, theirs)
    except TooAlikeError:
        return Why.LARGE, None


async def _in_the_way(
    db: AsyncSession, our_tree: str, there: TreeChanges, merge: _Merge
) -> list[PathConflict]:
    """Return added files whose place is taken by a folder, or whose folder is a file here."""
    added = [path for path in there.new if path not in there.old]
    gone = {one.path for one in merge.operations if isinstance(one, DeleteFile)}
    folders = {folder for path in added for folder in ancestors(path)[1:]}
    found = await find_entries(db, our_tree, {*added, *folders})
    files = {path for path, entry in found.items() if not entry.is_folder} - gone
    named = {one.path for one in merge.conflicts}
    return [
        PathConflict(path, Why.FOLDER)
        for path in added
        if path not in named
        and (_is_folder_still(found.get(path), path, there) or files & {*ancestors(path)})
    ]


def _is_folder_still(entry: TreeEntry | None, path: str, there: TreeChanges) -> bool:
    if entry is None or not entry.is_folder:
        return False
    # A folder that the other side replaced by a file goes with what was in it.
    return not any(old.startswith(path + "/") for old in there.old)
