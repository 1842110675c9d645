"""Files and folders at a revision."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from app.hub.schemas.history import LastCommit


@dataclass(frozen=True)
class TreeFile:
    """A file at a revision. `size` is that of the real content; `oid` is git's id of the blob."""

    path: str
    size: int
    oid: str
    lfs_sha256: str | None = None
    pointer_size: int = 0
    mode: str = "100644"
    last_commit: LastCommit | None = None
    xet_hash: str | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class TreeFolder:
    """A folder at a revision."""

    path: str
    oid: str
    last_commit: LastCommit | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class FileHandle:
    """An open file: what it is, and its bytes on demand."""

    path: str
    size: int
    oid: str
    lfs_sha256: str | None
    commit: str
    storage_key: str | None
    read: Callable[[int, int | None], AsyncIterator[bytes]] = field(repr=False)
    xet_hash: str | None = None

    @property
    def etag(self) -> str:
        """The hash that names the content: sha256 of a large file, git's id of a small one."""
        return self.lfs_sha256 or self.oid

    async def read_all(self, start: int = 0, end: int | None = None) -> bytes:
        """Return the bytes [start, end) in one piece; for small files and ranges."""
        return b"".join([block async for block in self.read(start, end)])
