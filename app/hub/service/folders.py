"""Committing a folder of the site's own disk: starter content and published results."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from app.core.batches import batched
from app.core.db import AsyncSession
from app.core.storage import CHUNK_BYTES, BlobStore, Digest
from app.hub.content import is_binary
from app.hub.paths import check_path
from app.hub.schemas import (
    LFS_THRESHOLD_BYTES,
    AddFile,
    AddStored,
    Author,
    CommitInfo,
    NewCommit,
    Operation,
)
from app.hub.service.commits import commit
from app.hub.service.large_files import link_received, receive_bytes
from app.hub.tables import Repository

_NO_LIMIT = 1 << 50
_AT_ONCE = 16


async def commit_folder(  # where from, where to, who and why
    db: AsyncSession,
    storage: BlobStore,
    repository: Repository,
    author: Author,
    folder: Path,
    message: str,
) -> CommitInfo:
    """Add every file below `folder` as one commit to `main`; links are not followed.

    Raises:
        InvalidError: a file has a name that no file in a repository may have.
        ConflictError: two of the names are one on many computers.
    """
    files = await asyncio.to_thread(_files, folder)
    operations: list[Operation] = []
    received: list[tuple[str, Digest]] = []
    # Some at a time: each small file waits for its own fsync.
    for group in batched(files, _AT_ONCE):
        names = [check_path(path.relative_to(folder).as_posix()) for path in group]
        stored = await asyncio.gather(*(_receive(storage, path) for path in group))
        for name, one in zip(names, stored, strict=True):
            if isinstance(one, bytes):
                operations.append(AddFile(name, one))
            else:
                received.append(one)
                operations.append(AddStored(name, one[1].sha256, one[1].size))
    await link_received(db, repository, author.user_id, received)
    return await commit(
        db, storage, repository, NewCommit(message=message, author=author, operations=operations)
    )


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


async def _receive(storage: BlobStore, path: Path) -> bytes | tuple[str, Digest]:
    """Return a small text as it is; store anything else and return its key and digest."""
    small = await asyncio.to_thread(_small_text, path)
    if small is not None:
        return small
    return await receive_bytes(storage, _chunks(path), None, _NO_LIMIT)


def _small_text(path: Path) -> bytes | None:
    if path.stat().st_size > LFS_THRESHOLD_BYTES:
        return None
    content = path.read_bytes()
    return None if is_binary(content) else content


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while block := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield block
