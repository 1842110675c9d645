"""Committing a folder of the site's own disk: starter content and published results."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from app.core.db import AsyncSession
from app.core.storage import CHUNK_BYTES, BlobStore
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
    for path in files:
        name = check_path(path.relative_to(folder).as_posix())
        operations.append(await _operation(db, storage, repository, author, path, name))
    return await commit(
        db, storage, repository, NewCommit(message=message, author=author, operations=operations)
    )


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


async def _operation(  # one file of the folder
    db: AsyncSession,
    storage: BlobStore,
    repository: Repository,
    author: Author,
    path: Path,
    name: str,
) -> Operation:
    size = (await asyncio.to_thread(path.stat)).st_size
    if size <= LFS_THRESHOLD_BYTES:
        content = await asyncio.to_thread(path.read_bytes)
        if not is_binary(content):
            return AddFile(name, content)
    key, digest = await receive_bytes(storage, _chunks(path), None, _NO_LIMIT)
    await link_received(db, repository, author.user_id, key, digest)
    return AddStored(name, digest.sha256, digest.size)


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while block := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield block
