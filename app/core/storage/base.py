"""Where big bytes lie: a local directory, or a bucket of an S3-compatible store.

Keys are made by the site and never hold a name that a user chose. An object appears under its key
whole or not at all: its bytes go to a temporary place, are hashed on the way, and only a caller who
is content with size and hash promotes them. Objects are immutable, so promoting twice is harmless.

The directory backend is our own: it must fsync before it renames, and it reads in large blocks.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from app.core.errors import InvalidError, TooLargeError, UnavailableError

CHUNK_BYTES = 1 << 20
TEMP_PREFIX = "temp/"
_KEY = re.compile(r"[a-z0-9][a-z0-9_.-]*(/[a-z0-9][a-z0-9_.-]*)*")


@dataclass(frozen=True)
class Digest:
    """What was received: hash in lower-case hex and size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class StoredObject:
    """An object as a listing shows it; `written` is when it was last sent."""

    key: str
    size: int
    written: datetime


class BlobWriter(ABC):
    """Receives the bytes of one object; nothing is visible before `promote`."""

    def __init__(self, *, hashed: bool = True) -> None:
        self._hash = sha256() if hashed else None
        self._pending = bytearray()
        self.size = 0

    async def write(self, data: bytes) -> None:
        """Add bytes; they are handed on in blocks, so memory stays bounded."""
        self.size += len(data)
        if not self._pending and len(data) >= CHUNK_BYTES:
            await self._append(data)
            return
        self._pending += data
        if len(self._pending) >= CHUNK_BYTES:
            block, self._pending = bytes(self._pending), bytearray()
            await self._append(block)

    async def finish(self) -> Digest:
        """Hand on what is left and return hash (if asked for) and size; no `write` may follow."""
        if self._pending:
            block, self._pending = bytes(self._pending), bytearray()
            await self._append(block)
        return Digest(self._hash.hexdigest() if self._hash else "", self.size)

    def _digest(self, block: bytes) -> None:
        if self._hash is not None:
            self._hash.update(block)

    @abstractmethod
    async def _append(self, block: bytes) -> None:
        """Store one block and add it to the hash, off the event loop."""

    @abstractmethod
    async def promote(self, key: str) -> None:
        """Make the object durable and visible as `key`.

        If there is one it stays, but counts as written now.
        """

    @abstractmethod
    async def discard(self) -> None:
        """Forget the bytes; harmless after `promote`."""


class BlobStore(ABC):
    """One store of immutable objects; `best_read` is how much of one is best asked for at once."""

    best_read = CHUNK_BYTES

    @abstractmethod
    async def writer(self, *, hashed: bool = True) -> BlobWriter:
        """Start a new object; without `hashed` its sha256 is nobody's concern."""

    @abstractmethod
    def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes [start, end) in blocks of about a megabyte.

        Raises:
            UnavailableError: the object is not there, or the store does not answer.
        """

    @abstractmethod
    async def size(self, key: str) -> int | None:
        """Return the object's size in bytes; None if there is none."""

    @abstractmethod
    async def delete(self, key: str) -> None:
        """Remove the object; harmless if there is none."""

    @abstractmethod
    def objects(self, prefix: str) -> AsyncIterator[list[StoredObject]]:
        """Yield every object whose key begins with `prefix/`, some at a time."""

    @abstractmethod
    async def prefixes(self) -> list[str]:
        """Return the first parts of all keys, but for that of unfinished objects."""

    @abstractmethod
    async def delete_unless_written(self, key: str, since: datetime) -> bool:
        """Remove an object that nobody has sent again since a moment; False if somebody has."""

    @abstractmethod
    async def temps(self, older_than: timedelta) -> list[str]:
        """Return the keys of unfinished objects last written longer ago than `older_than`."""

    @property
    def origin(self) -> str:
        """Where `signed_url` leads, `https://host`; empty in a directory."""
        return ""

    def signed_url(
        self, key: str, *, expires: timedelta, content_type: str = "", disposition: str = ""
    ) -> str | None:
        """Return an address that serves the object without the site; None in a directory."""
        del key, expires, content_type, disposition
        return None

    async def close(self) -> None:
        """Release connections."""
        return

    async def exists(self, key: str) -> bool:
        """Whether there is an object called `key`."""
        return await self.size(key) is not None

    async def read_all(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """Return the bytes [start, end) in one piece; for small objects and ranges."""
        return b"".join([block async for block in self.read(key, start, end)])

    async def put(self, key: str, data: bytes) -> None:
        """Store a small object whose key already names its content."""
        writer = await self.writer()
        try:
            await writer.write(data)
            await writer.finish()
            await writer.promote(key)
        finally:
            await writer.discard()

    async def put_stream(
        self, chunks: AsyncIterable[bytes], prefix: str, expected: Digest | None, limit: int
    ) -> tuple[str, Digest]:
        """Store a stream as `prefix/aa/bb/<sha256>`; return the key and what was received.

        Args:
            chunks: the bytes.
            prefix: first part of the key.
            expected: what the sender announced; None if nothing was.
            limit: most bytes accepted.

        Raises:
            InvalidError: hash or size is not what was announced; nothing was stored.
            TooLargeError: more than `limit` bytes.
        """
        writer = await self.writer()
        try:
            async for chunk in chunks:
                await writer.write(chunk)
                if writer.size > (expected.size if expected else limit):
                    raise TooLargeError("More bytes arrived than were announced or are allowed.")
            received = await writer.finish()
            if expected is not None and received != expected:
                raise InvalidError(
                    "The bytes received do not have the announced size and sha256.",
                    fix="Send the file again; it was damaged or changed on the way.",
                    code="digest_mismatch",
                )
            key = content_key(prefix, received.sha256)
            await writer.promote(key)
        finally:
            await writer.discard()
        return key, received


def content_key(prefix: str, digest: str) -> str:
    """Return the key of content-addressed bytes: two levels of folders keep listings short."""
    return f"{prefix}/{digest[:2]}/{digest[2:4]}/{digest}"


def checked_key(key: str) -> str:
    """Return `key` if it has the form every key of ours has.

    Raises:
        ValueError: it has not, which is a mistake in this program.
    """
    if _KEY.fullmatch(key) is None:
        raise ValueError(f"not a storage key: {key!r}")
    return key


def is_stale(modified: datetime, now: datetime, older_than: timedelta) -> bool:
    """Whether something last written at `modified` may be thought abandoned."""
    return now - modified > older_than


def missing(key: str) -> UnavailableError:
    """Return the error for bytes that a row promises and the store has not."""
    return UnavailableError(f"The stored bytes {key} cannot be read right now.")
