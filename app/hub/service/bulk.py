"""Opening many files at once, in a few queries whatever their number."""

from collections.abc import AsyncIterator, Callable, Sequence

from app.core.db import AsyncSession
from app.core.storage import BlobStore, missing
from app.hub.queries import objects as queries
from app.hub.queries import uploads
from app.hub.schemas import FileHandle, TreeFile
from app.hub.tables import Repository


async def open_files(
    db: AsyncSession,
    storage: BlobStore,
    repository: Repository,
    commit: str,
    files: Sequence[TreeFile],
) -> list[FileHandle]:
    """Return handles of files that `list_files` named, in their order.

    Small contents are held in memory, so ask for some hundred at a time.

    Raises:
        UnavailableError: this repository does not hold the bytes of one of them.
    """
    blobs = await queries.blobs(db, {file.oid for file in files})
    linked = await uploads.linked_lfs(
        db, repository.id, {file.lfs_sha256 for file in files if file.lfs_sha256}
    )
    inline = await queries.inline_contents(
        db, [oid for oid, b in blobs.items() if b.storage_key is None and b.lfs_sha256 is None]
    )
    handles = []
    for file in files:
        key = blobs[file.oid].storage_key
        if file.lfs_sha256 is not None:
            if file.lfs_sha256 not in linked:
                raise missing(file.lfs_sha256)
            key = linked[file.lfs_sha256].storage_key
        read = _reader(storage, key, inline.get(file.oid, b""))
        handles.append(
            FileHandle(file.path, file.size, file.oid, file.lfs_sha256, commit, key, read)
        )
    return handles


def _reader(
    storage: BlobStore, key: str | None, content: bytes
) -> Callable[[int, int | None], AsyncIterator[bytes]]:
    def read(start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        if key is not None:
            return storage.read(key, start, end)
        return _once(content[start:end])

    return read


async def _once(content: bytes) -> AsyncIterator[bytes]:
    if content:
        yield content
