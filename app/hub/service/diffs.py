"""What changed between two commits, as files and as text."""

import asyncio
import difflib
from dataclasses import dataclass, replace

from app.core.db import AsyncSession
from app.core.storage import BlobStore
from app.hub.objects import EMPTY_TREE, TreeEntry
from app.hub.queries import objects as queries
from app.hub.schemas import ChangeKind, Diff, FileChange
from app.hub.service.commits import real_size
from app.hub.service.revisions import find_revision
from app.hub.service.trees import TreeChanges, compare
from app.hub.tables import Blob, Repository

MAX_FILES = 200
_MAX_TEXT_BYTES = 200_000
_MAX_LINES = 10_000
_MAX_PATCH_CHARACTERS = 100_000
_MAX_ALL_PATCHES = 1_000_000


async def diff(
    db: AsyncSession, storage: BlobStore, repository: Repository, rev: str, base: str = ""
) -> Diff:
    """Return what `rev` changes with respect to `base`, or to its first parent.

    Texts above 200 kB, and patches beyond a total of a megabyte, are named but not shown.

    Raises:
        NotFoundError: one of the two names nothing.
    """
    new = (await find_revision(db, repository, rev)).commit
    base = base or next(iter(new.parents), "")
    old_tree = (await find_revision(db, repository, base)).commit.tree if base else EMPTY_TREE
    changes = await compare(db, old_tree, new.tree)
    pairs = _pairs(changes)
    entries = [e for side in (changes.old, changes.new) for e in side.values()]
    blobs = await queries.blobs(db, {entry.oid for entry in entries})
    files, spent = [], 0
    for pair in pairs[:MAX_FILES]:
        sides = _Sides(*pair, *(blobs.get(entry.oid) if entry else None for entry in pair[2:]))
        change = await _change(db, storage, sides)
        if spent > _MAX_ALL_PATCHES and change.patch:
            change = replace(change, patch="", is_truncated=True)
        spent += len(change.patch)
        files.append(change)
    return Diff(tuple(files), len(pairs), len(pairs) > MAX_FILES)


_Pair = tuple[str, str, TreeEntry | None, TreeEntry | None]


def _pairs(changes: TreeChanges) -> list[_Pair]:
    """Return old path, path and both entries of each change; equal content elsewhere is a move."""
    gone = {entry.oid: path for path, entry in changes.old.items() if path not in changes.new}
    pairs: list[_Pair] = []
    moved: set[str] = set()
    for path, new in changes.new.items():
        old_path = path
        if path not in changes.old and new.oid in gone and gone[new.oid] not in moved:
            old_path = gone[new.oid]
            moved.add(old_path)
        pairs.append((old_path, path, changes.old.get(old_path), new))
    deleted = changes.old.keys() - changes.new.keys() - moved
    pairs += [(path, path, changes.old[path], None) for path in deleted]
    return sorted(pairs, key=lambda pair: pair[1])


@dataclass(frozen=True)
class _Sides:
    """Both sides of one change."""

    old_path: str
    path: str
    old_entry: TreeEntry | None
    new_entry: TreeEntry | None
    old: Blob | None
    new: Blob | None

    @property
    def kind(self) -> ChangeKind:
        if self.old_entry is None:
            return ChangeKind.ADDED
        if self.new_entry is None:
            return ChangeKind.DELETED
        return ChangeKind.CHANGED if self.old_path == self.path else ChangeKind.RENAMED

    def shown(self) -> FileChange:
        """Return the change without its text."""
        return FileChange(
            self.path,
            self.kind,
            real_size(self.old) if self.old else 0,
            real_size(self.new) if self.new else 0,
            old_path=self.old_path if self.kind is ChangeKind.RENAMED else "",
            old_sha256=(self.old.lfs_sha256 or "") if self.old else "",
            new_sha256=(self.new.lfs_sha256 or "") if self.new else "",
        )


async def _change(db: AsyncSession, storage: BlobStore, sides: _Sides) -> FileChange:
    shown = sides.shown()
    if shown.old_sha256 or shown.new_sha256:
        return replace(shown, is_binary=True)
    if shown.kind is ChangeKind.RENAMED:
        return shown
    if max(shown.old_size, shown.new_size) > _MAX_TEXT_BYTES:
        return replace(shown, is_truncated=True)
    before, after = [await _content(db, storage, blob) for blob in (sides.old, sides.new)]
    if b"\0" in before or b"\0" in after:
        return replace(shown, is_binary=True)
    if max(before.count(b"\n"), after.count(b"\n")) > _MAX_LINES:
        # Comparing many lines that are much alike takes longer than anybody waits.
        return replace(shown, is_truncated=True)
    patch = await asyncio.to_thread(_patch, sides.path, before, after)
    cut = patch[:_MAX_PATCH_CHARACTERS]
    return replace(shown, is_truncated=len(cut) < len(patch), patch=cut)


async def _content(db: AsyncSession, storage: BlobStore, blob: Blob | None) -> bytes:
    if blob is None:
        return b""
    row = await queries.blob(db, blob.oid)
    if row is None:
        return b""
    if row.inline is not None:
        return row.inline
    return await storage.read_all(row.storage_key or "")


def _patch(path: str, old: bytes, new: bytes) -> str:
    before = old.decode("utf-8", "replace").splitlines()
    after = new.decode("utf-8", "replace").splitlines()
    return "\n".join(difflib.unified_diff(before, after, f"a/{path}", f"b/{path}", lineterm=""))
