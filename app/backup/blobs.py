"""Stored bytes, kept once for all backups and brought back with their sha256 checked."""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from app.backup.errors import BackupError, told_when_full
from app.backup.shelf import Shelf
from app.core.errors import UnavailableError
from app.core.storage import BlobStore, StoredObject
from app.core.storage.directory import DirectoryStore

AT_ONCE = 4
SHA256_HEX = 64
# How exactly the time of a kept object says when the store had it last.
REFRESH = timedelta(hours=12)
# Their keys end with the sha256 of the bytes; others are named otherwise.
NAMED_BY_SHA256 = ("lfs/", "tutorial-pictures/")


@dataclass(frozen=True)
class Blob:
    """One object: its key, its size in bytes and its sha256."""

    key: str
    size: int
    sha256: str


@dataclass
class Copied:
    """What one pass over the store saw, and what of it was not kept before."""

    blobs: dict[str, Blob] = field(default_factory=dict)
    new: int = 0

    @property
    def num_bytes(self) -> int:
        """All bytes, kept before or not."""
        return sum(blob.size for blob in self.blobs.values())


def write_list(file: Path, blobs: Collection[Blob]) -> None:
    """Write blobs down, a line each: key, size, sha256."""
    with file.open("w", encoding="utf-8") as stream:
        for blob in sorted(blobs, key=lambda one: one.key):
            stream.write(_line(blob))
        stream.flush()
        os.fsync(stream.fileno())


def read_list(file: Path) -> dict[str, Blob]:
    """Return the blobs of a list by key; a line that a kill cut short does not count."""
    try:
        return {blob.key: blob for blob in _parsed(file)}
    except FileNotFoundError:
        return {}


def _line(blob: Blob) -> str:
    return f"{blob.key}\t{blob.size}\t{blob.sha256}\n"


def _parsed(file: Path) -> Iterator[Blob]:
    with file.open(encoding="utf-8") as stream:
        for line in stream:
            parts = line.rstrip("\n").split("\t")
            if line.endswith("\n") and [len(part) for part in parts[2:]] == [SHA256_HEX]:
                yield Blob(parts[0], int(parts[1]), parts[2])


class Keeper:
    """Copies what a store holds to a shelf, each object once."""

    def __init__(self, store: BlobStore, shelf: Shelf) -> None:
        self._store = store
        self._shelf = shelf
        self._kept = DirectoryStore(shelf.blobs)
        self._known = read_list(shelf.index)
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def sweep(self) -> Copied:
        """Copy what is not there yet; what vanishes meanwhile was garbage and is left out.

        Raises:
            BackupError: no room is left, or bytes of the store are damaged.
        """
        copied = Copied()
        await self._forget_unfinished()
        with told_when_full(self._shelf.root):
            for prefix in await self._store.prefixes():
                async for batch in self._store.objects(prefix):
                    await self._take(batch, copied)
        return copied

    async def _take(self, batch: list[StoredObject], copied: Copied) -> None:
        missing = [one for one in batch if not await self._is_kept(one)]
        self._shelf.require_room(sum(one.size for one in missing))
        copies = await asyncio.gather(*(self._copy(one) for one in missing))
        new = [blob for blob in copies if blob is not None]
        self._note(new)
        copied.new += len(new)
        for one in batch:
            if one.key in self._known:
                copied.blobs[one.key] = self._known[one.key]

    async def _is_kept(self, one: StoredObject) -> bool:
        known = self._known.get(one.key)
        if known is None or known.size != one.size:
            return False
        return await asyncio.to_thread(_refresh, self._shelf.blobs / one.key)

    async def _copy(self, one: StoredObject) -> Blob | None:
        async with self._at_once:
            writer = await self._kept.writer()
            try:
                async for block in self._store.read(one.key):
                    await writer.write(block)
                digest = await writer.finish()
                _check_name(one.key, digest.sha256)
                await writer.promote(one.key)
            except UnavailableError:
                if await self._store.size(one.key) is not None:
                    raise
                return None
            finally:
                await writer.discard()
        return Blob(one.key, digest.size, digest.sha256)

    def _note(self, new: Collection[Blob]) -> None:
        if not new:
            return
        with self._shelf.index.open("a", encoding="utf-8") as stream:
            stream.writelines(_line(blob) for blob in new)
            stream.flush()
            os.fsync(stream.fileno())
        self._known |= {blob.key: blob for blob in new}

    async def _forget_unfinished(self) -> None:
        for left in (self._shelf.blobs / "temp").glob("*"):
            await asyncio.to_thread(left.unlink)


def _refresh(file: Path) -> bool:
    """Note now and then that a kept object is still in the store; False if it is not kept."""
    try:
        if time.time() - file.stat().st_mtime > REFRESH.total_seconds():
            os.utime(file)
    except FileNotFoundError:
        return False
    return True


def _check_name(key: str, sha256: str) -> None:
    if key.startswith(NAMED_BY_SHA256) and not key.endswith(sha256):
        raise BackupError(
            f"The stored bytes {key} are damaged: their sha256 is {sha256}. Bring this file back "
            "from an older backup, or delete what uses it, and try again."
        )


async def bring_back(
    shelf: Shelf, blobs: Mapping[str, Blob], store: BlobStore
) -> tuple[int, list[str]]:
    """Copy blobs into a store; return how many came, and the keys of those that are damaged."""
    kept, at_once, damaged = DirectoryStore(shelf.blobs), asyncio.Semaphore(AT_ONCE), []

    async def one(blob: Blob) -> int:
        async with at_once:
            if await store.size(blob.key) == blob.size:
                return 1
            writer = await store.writer()
            try:
                async for block in _blocks(kept, blob):
                    await writer.write(block)
                if (await writer.finish()).sha256 != blob.sha256:
                    damaged.append(blob.key)
                    return 0
                await writer.promote(blob.key)
            finally:
                await writer.discard()
            return 1

    num = 0
    keys = list(blobs.values())
    for start in range(0, len(keys), 1000):
        num += sum(await asyncio.gather(*(one(blob) for blob in keys[start : start + 1000])))
    return num, sorted(damaged)


async def _blocks(kept: DirectoryStore, blob: Blob) -> AsyncIterator[bytes]:
    try:
        async for block in kept.read(blob.key):
            yield block
    except UnavailableError:
        return  # then its sha256 is not that of the blob


def damaged_in(shelf: Shelf, blobs: Collection[Blob]) -> list[str]:
    """Read blobs of a shelf again; return what is wrong, a sentence each."""
    found = []
    for blob in blobs:
        try:
            with (shelf.blobs / blob.key).open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except FileNotFoundError:
            found.append(f"The bytes {blob.key} are missing.")
            continue
        if digest != blob.sha256:
            found.append(f"The bytes {blob.key} are damaged: their sha256 is {digest}.")
    return found
