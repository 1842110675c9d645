"""The store of the embedded default: files in one directory, renamed into place after an fsync."""

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from app.core.clock import now
from app.core.storage.base import (
    CHUNK_BYTES,
    TEMP_PREFIX,
    BlobStore,
    BlobWriter,
    StoredObject,
    checked_key,
    is_stale,
    missing,
)

_SHORT_BYTES = 2 * CHUNK_BYTES


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_in_memory(descriptor: int, at: int, length: int) -> bool:
    """Whether both ends of a stretch are in the page cache: reading it then waits for no disk.

    A hop to a thread costs about half as much as copying the megabyte it is for.
    """
    try:
        return all(
            os.preadv(descriptor, [bytearray(1)], place, os.RWF_NOWAIT) == 1
            for place in (at, at + length - 1)
        )
    except (OSError, AttributeError):  # not there yet, or a system that cannot tell
        return False


class DirectoryWriter(BlobWriter):
    """Writes to a temporary file of the same file system."""

    def __init__(self, root: Path, temp: Path, file: BinaryIO, *, hashed: bool) -> None:
        super().__init__(hashed=hashed)
        self._root = root
        self._temp = temp
        self._file = file

    async def _append(self, block: bytes) -> None:
        await asyncio.to_thread(self._append_now, block)

    def _append_now(self, block: bytes) -> None:
        self._digest(block)
        self._file.write(block)

    async def promote(self, key: str) -> None:
        """Sync the file, link it to its name, and sync the folder."""
        await asyncio.to_thread(self._promote_now, self._root / checked_key(key))

    def _promote_now(self, target: Path) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        while not self._placed(target):
            pass
        _sync_directory(target.parent)

    def _placed(self, target: Path) -> bool:
        """Link the file to its name, or mark the one that is there; False if that went away."""
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(self._temp, target)  # create-only, unlike a rename
        except FileExistsError:
            try:
                os.utime(target)  # a sweep leaves alone what was sent lately
            except FileNotFoundError:
                return False
        return True

    async def discard(self) -> None:
        """Close and remove the temporary file."""
        await asyncio.to_thread(self._discard_now)

    def _discard_now(self) -> None:
        self._file.close()
        self._temp.unlink(missing_ok=True)


class DirectoryStore(BlobStore):
    """Objects as files under one root; the key is the path."""

    def __init__(self, root: str | Path) -> None:
        self._root = Path(root)
        self._temp = self._root / TEMP_PREFIX.strip("/")
        self._temp.mkdir(parents=True, exist_ok=True)

    async def writer(self, *, hashed: bool = True) -> BlobWriter:
        """Start a new object in the temporary folder."""
        temp = self._temp / secrets.token_hex(16)
        file = await asyncio.to_thread(temp.open, "xb")
        return DirectoryWriter(self._root, temp, file, hashed=hashed)

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes [start, end)."""
        path = self._root / checked_key(key)
        try:
            file = await asyncio.to_thread(path.open, "rb")
        except FileNotFoundError as error:
            raise missing(key) from error
        try:
            descriptor, at = file.fileno(), start
            while end is None or at < end:
                length = CHUNK_BYTES if end is None else min(CHUNK_BYTES, end - at)
                if _is_in_memory(descriptor, at, length):
                    block = os.pread(descriptor, length, at)
                else:
                    block = await asyncio.to_thread(os.pread, descriptor, length, at)
                if not block:
                    break
                at += len(block)
                yield block
        finally:
            file.close()

    async def read_all(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """Return the bytes [start, end), read at once: a short stretch in memory without a hop."""
        if end is None or end - start > _SHORT_BYTES:
            return await asyncio.to_thread(self._read_now, key, start, end)
        with self._opened(key) as file:
            wanted = file.fileno(), max(0, end - start), start
            if _is_in_memory(file.fileno(), start, end - start):
                return os.pread(*wanted)
            return await asyncio.to_thread(os.pread, *wanted)

    def _read_now(self, key: str, start: int, end: int | None) -> bytes:
        with self._opened(key) as file:
            file.seek(start)
            return file.read(-1 if end is None else max(0, end - start)) or b""

    def _opened(self, key: str) -> FileIO:
        try:
            return (self._root / checked_key(key)).open("rb", buffering=0)
        except FileNotFoundError as error:
            raise missing(key) from error

    async def size(self, key: str) -> int | None:
        """Return the file's size."""
        try:
            return (await asyncio.to_thread((self._root / checked_key(key)).stat)).st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    async def delete(self, key: str) -> None:
        """Remove the file."""
        await asyncio.to_thread((self._root / checked_key(key)).unlink, missing_ok=True)

    async def objects(self, prefix: str) -> AsyncIterator[list[StoredObject]]:
        """Yield the files below a folder, one folder of them at a time."""
        for folder, _folders, names in await asyncio.to_thread(self._walk_now, prefix):
            found = await asyncio.to_thread(self._stat_now, Path(folder), names)
            if found:
                yield found

    def _walk_now(self, prefix: str) -> list[tuple[str, list[str], list[str]]]:
        return list(os.walk(self._root / checked_key(prefix)))

    def _stat_now(self, folder: Path, names: list[str]) -> list[StoredObject]:
        found = []
        for name in names:
            try:
                stat = (folder / name).stat()
            except FileNotFoundError:
                continue
            key = (folder / name).relative_to(self._root).as_posix()
            found.append(
                StoredObject(key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))
            )
        return found

    async def prefixes(self) -> list[str]:
        """Return the folders at the top."""
        return await asyncio.to_thread(self._prefixes_now)

    def _prefixes_now(self) -> list[str]:
        return sorted(
            one.name for one in self._root.iterdir() if one.is_dir() and one != self._temp
        )

    async def delete_unless_written(self, key: str, since: datetime) -> bool:
        """Take the file out of its place first: nobody can mark it once it was looked at."""
        return await asyncio.to_thread(self._take_now, self._root / checked_key(key), since)

    def _take_now(self, target: Path, since: datetime) -> bool:
        taken = self._temp / secrets.token_hex(16)
        try:
            target.rename(taken)
        except FileNotFoundError:
            return True
        is_kept = taken.stat().st_mtime >= since.timestamp()
        if is_kept:
            with contextlib.suppress(FileExistsError):
                os.link(taken, target)
        taken.unlink()
        return not is_kept

    async def temps(self, older_than: timedelta) -> list[str]:
        """Return what lies in the temporary folder for too long."""
        return await asyncio.to_thread(self._temps_now, older_than)

    def _temps_now(self, older_than: timedelta) -> list[str]:
        moment = now()
        return [
            TEMP_PREFIX + path.name
            for path in self._temp.iterdir()
            if is_stale(datetime.fromtimestamp(path.stat().st_mtime, UTC), moment, older_than)
        ]
