"""Opening many files at once, in a few queries whatever their number."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from app.core.db import AsyncSession
from app.core.storage import BlobStore, missing
from app.hub.queries import objects as queries
from app.hub.schemas import FileHandle, TreeFile
from app.hub.service.large_files import LargeFile, large_files
from app.hub.tables import Repository


@dataclass(frozen=True)
class Content:
    """Where the bytes of one file are: in a large file, under a key, or here."""

    storage: BlobStore
    key: str | None = None
    inline: bytes = b""
    large: LargeFile | None = None

    def read(self, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes [start, end)."""
        if self.large is not None:
            return self.large.read(self.storage, start, end)
        if self.key is not None:
            return self.storage.read(self.key, start, end)
        return _once(self.inline[start:end])

    def handle(
        self, path: str, size: int, oid: str, lfs_sha256: str | None, commit: str
    ) -> FileHandle:
        """Return the open file."""
        return FileHandle(
            path=path,
            size=size,
            oid=oid,
            lfs_sha256=lfs_sha256,
            commit=commit,
            storage_key=self.large.storage_key if self.large else self.key,
            read=self.read,
            xet_hash=self.large.xet_hash if self.large else None,
        )


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
    linked = await large_files(
        db, repository, {file.lfs_sha256 for file in files if file.lfs_sha256}
    )
    inline = await queries.inline_contents(
        db, [oid for oid, b in blobs.items() if b.storage_key is None and b.lfs_sha256 is None]
    )
    handles = []
    for file in files:
        content = Content(storage, blobs[file.oid].storage_key, inline.get(file.oid, b""))
        if file.lfs_sha256 is not None:
            if file.lfs_sha256 not in linked:
                raise missing(file.lfs_sha256)
            content = Content(storage, large=linked[file.lfs_sha256])
        handles.append(content.handle(file.path, file.size, file.oid, file.lfs_sha256, commit))
    return handles


async def _once(content: bytes) -> AsyncIterator[bytes]:
    if content:
        yield content
