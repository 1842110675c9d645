"""A whole revision as one tar stream: thousands of small files for the price of one request."""

import tarfile
from collections.abc import AsyncIterator, Sequence

from app.core.batches import batched
from app.core.db import Database
from app.core.storage import BlobStore
from app.hub.schemas import FileHandle, TreeFile
from app.hub.service.bulk import open_files
from app.hub.tables import Repository

_BATCH = 200
_BLOCK = tarfile.BLOCKSIZE
# Readers expect the end as two empty blocks.
_END = b"\0" * (2 * _BLOCK)


async def tar_stream(
    database: Database,
    storage: BlobStore,
    repository: Repository,
    commit: str,
    files: Sequence[TreeFile],
) -> AsyncIterator[bytes]:
    """Yield a POSIX tar of `files`, in their order, holding a few hundred small ones at a time.

    Large files hold their own bytes, not their pointers. Every entry has the same date and owner,
    so the same commit always gives the same bytes.
    """
    for batch in batched(files, _BATCH):
        async with database.transaction() as db:
            handles = await open_files(db, storage, repository, commit, batch)
        for handle in handles:
            async for chunk in _entry(handle):
                yield chunk
    yield _END


async def _entry(handle: FileHandle) -> AsyncIterator[bytes]:
    yield _header(handle)
    async for chunk in handle.read(0, None):
        yield chunk
    yield b"\0" * (-handle.size % _BLOCK)


def _header(handle: FileHandle) -> bytes:
    info = tarfile.TarInfo(handle.path)
    info.size = handle.size
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
