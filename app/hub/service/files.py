"""Reading files and folders at a revision."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from app.core.db import AsyncSession
from app.core.storage import BlobStore, missing
from app.hub import errors
from app.hub.objects import MODE_SUBMODULE, TreeEntry
from app.hub.queries import objects as queries
from app.hub.queries import xet
from app.hub.schemas import FileHandle, TreeFile, TreeFolder
from app.hub.service.bulk import Content
from app.hub.service.commits import real_size
from app.hub.service.large_files import linked_file
from app.hub.service.last_commits import last_commits
from app.hub.service.revisions import Revision, find_revision
from app.hub.service.trees import find_entries, find_entry, walk
from app.hub.tables import Blob, Repository

Item = TreeFile | TreeFolder


async def open_file(
    db: AsyncSession, storage: BlobStore, repository: Repository, rev: str, path: str
) -> FileHandle:
    """Return a file at a revision; its bytes are read only when asked for.

    Raises:
        NotFoundError: no such revision, or no file at `path` (a folder is none).
    """
    revision = await find_revision(db, repository, rev)
    entry = await find_entry(db, revision.commit.tree, path)
    blob = None
    if entry is not None and not entry.is_folder:
        blob = await queries.blob(db, entry.oid)
    if blob is None:
        raise errors.entry_not_found(path, revision.oid)
    return await _handle(db, storage, repository, revision.oid, path, blob)


async def _handle(
    db: AsyncSession,
    storage: BlobStore,
    repository: Repository,
    commit: str,
    path: str,
    blob: Blob,
) -> FileHandle:
    content = Content(storage, blob.storage_key, blob.inline or b"")
    if blob.lfs_sha256 is not None:
        content = Content(storage, large=await linked_file(db, repository, blob.lfs_sha256))
        if content.large is None:
            raise missing(blob.lfs_sha256)
    return content.handle(path, real_size(blob), blob.oid, blob.lfs_sha256, commit)


async def list_files(db: AsyncSession, repository: Repository, rev: str) -> list[TreeFile]:
    """Return every file at a revision, by path.

    Raises:
        NotFoundError: no such revision.
    """
    revision = await find_revision(db, repository, rev)
    items = await _items(db, await walk(db, revision.commit.tree))
    return [item for item in items if isinstance(item, TreeFile)]


async def list_tree(
    db: AsyncSession,
    repository: Repository,
    rev: str,
    path: str = "",
    *,
    recursive: bool = False,
    expand: bool = False,
) -> tuple[Revision, list[Item]]:
    """Return what is in a folder at a revision: folders and files by path.

    Args:
        db: the transaction.
        repository: where.
        rev: branch, tag or commit.
        path: the folder; empty for the root.
        recursive: what is in its folders too.
        expand: with the commit that last changed each path, where `rev` is a branch.

    Raises:
        NotFoundError: no such revision, or no folder at `path`.
    """
    revision = await find_revision(db, repository, rev)
    entry = await find_entry(db, revision.commit.tree, path)
    if entry is None or not entry.is_folder:
        raise errors.entry_not_found(path, revision.oid)
    items = await _items(db, await walk(db, entry.oid, path, recursive=recursive))
    items = await _with_xet_hashes(db, items)
    if expand:
        items = await with_last_commits(db, repository, revision, items)
    return revision, items


async def find_paths(
    db: AsyncSession, repository: Repository, rev: str, paths: Collection[str], *, expand: bool
) -> list[Item]:
    """Return what is at each of `paths`; those that are not there are left out.

    Raises:
        NotFoundError: no such revision.
    """
    revision = await find_revision(db, repository, rev)
    wanted = {path.strip("/") for path in paths} - {""}
    found = await find_entries(db, revision.commit.tree, wanted)
    items = await _with_xet_hashes(db, await _items(db, found))
    return await with_last_commits(db, repository, revision, items) if expand else items


async def _items(db: AsyncSession, entries: dict[str, TreeEntry]) -> list[Item]:
    blobs = await queries.blobs(db, {e.oid for e in entries.values() if not e.is_folder})
    items: list[Item] = []
    for path in sorted(entries):
        entry = entries[path]
        if entry.is_folder:
            items.append(TreeFolder(path, entry.oid))
        elif entry.mode != MODE_SUBMODULE and entry.oid in blobs:
            items.append(_tree_file(path, entry, blobs[entry.oid]))
    return items


def _tree_file(path: str, entry: TreeEntry, blob: Blob) -> TreeFile:
    return TreeFile(
        path=path,
        size=real_size(blob),
        oid=entry.oid,
        lfs_sha256=blob.lfs_sha256,
        pointer_size=blob.size if blob.lfs_sha256 else 0,
        mode=entry.mode,
    )


async def _with_xet_hashes(db: AsyncSession, items: Sequence[Item]) -> list[Item]:
    digests = {item.lfs_sha256 for item in items if isinstance(item, TreeFile) and item.lfs_sha256}
    hashes = await xet.xet_hashes(db, digests)
    return [
        replace(item, xet_hash=hashes.get(item.lfs_sha256))
        if isinstance(item, TreeFile) and item.lfs_sha256
        else item
        for item in items
    ]


async def with_last_commits(
    db: AsyncSession, repository: Repository, revision: Revision, items: Sequence[Item]
) -> list[Item]:
    """Return the items with the commit that last changed each, at whatever revision."""
    ref = revision.ref or await _branch_at(db, repository, revision.oid)
    paths = {item.path for item in items}
    found = await last_commits(db, revision.commit, ref, paths)
    return [replace(item, last_commit=found.get(item.path)) for item in items]


async def _branch_at(db: AsyncSession, repository: Repository, oid: str) -> str | None:
    refs = await queries.refs(db, repository.id)
    return next((r.name for r in refs if r.target == oid and "refs/tags/" not in r.name), None)
