"""What changed between two commits, as files and as text."""

import asyncio
import difflib

from app.core.db import AsyncSession
from app.core.storage import BlobStore
from app.hub.objects import EMPTY_TREE, TreeEntry
from app.hub.queries import objects as queries
from app.hub.schemas import ChangeKind, Diff, FileChange
from app.hub.service.commits import real_size
from app.hub.service.revisions import find_revision
from app.hub.service.trees import compare
from app.hub.tables import Blob, Repository

MAX_FILES = 200
_MAX_TEXT_BYTES = 200_000
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
    paths = sorted(changes.old.keys() | changes.new.keys())
    entries = [e for side in (changes.old, changes.new) for e in side.values()]
    blobs = await queries.blobs(db, {entry.oid for entry in entries})
    files, spent = [], 0
    for path in paths[:MAX_FILES]:
        old, new_entry = changes.old.get(path), changes.new.get(path)
        change = await _change(db, storage, blobs, path, old, new_entry)
        if spent > _MAX_ALL_PATCHES and change.patch:
            change = FileChange(
                path, change.kind, change.old_size, change.new_size, is_truncated=True
            )
        spent += len(change.patch)
        files.append(change)
    return Diff(tuple(files), len(paths), len(paths) > MAX_FILES)


async def _change(  # two sides of one path
    db: AsyncSession,
    storage: BlobStore,
    blobs: dict[str, Blob],
    path: str,
    old: TreeEntry | None,
    new: TreeEntry | None,
) -> FileChange:
    kind = ChangeKind.CHANGED
    if old is None:
        kind = ChangeKind.ADDED
    elif new is None:
        kind = ChangeKind.DELETED
    sides = [blobs.get(entry.oid) if entry else None for entry in (old, new)]
    sizes = [real_size(blob) if blob else 0 for blob in sides]
    if any(blob is not None and blob.lfs_sha256 for blob in sides):
        return FileChange(path, kind, sizes[0], sizes[1], is_binary=True)
    if max(sizes) > _MAX_TEXT_BYTES:
        return FileChange(path, kind, sizes[0], sizes[1], is_truncated=True)
    before, after = [await _content(db, storage, blob) for blob in sides]
    if b"\0" in before or b"\0" in after:
        return FileChange(path, kind, sizes[0], sizes[1], is_binary=True)
    patch = await asyncio.to_thread(_patch, path, before, after)
    shown = patch[:_MAX_PATCH_CHARACTERS]
    return FileChange(
        path, kind, sizes[0], sizes[1], is_truncated=len(shown) < len(patch), patch=shown
    )


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
