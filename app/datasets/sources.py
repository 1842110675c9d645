"""The files of a data-set revision as the readers of formats see them: by path, in a thread."""

import asyncio
import bisect
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import IO

from app.hub.schemas import FileHandle, TreeFile
from worker.contract.sources import FileSource, ZipSource

# Formats read many small files in order, so the next ones are fetched together with the first.
_AHEAD_FILES = 64
_AHEAD_BYTES = 256 * 1024

Fetch = Callable[[Sequence[TreeFile]], Awaitable[Mapping[str, bytes]]]


class HubSource:
    """Files of a revision, read through the event loop. Use it in a thread other than the loop's.

    A file is held in one piece; the readers ask for its size first and refuse large ones.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, files: Sequence[TreeFile], fetch: Fetch
    ) -> None:
        self._loop = loop
        self._files = {file.path: file for file in sorted(files, key=lambda file: file.path)}
        self._by_ending: dict[str, list[str]] = {}
        for path in self._files:
            self._by_ending.setdefault(_ending(path), []).append(path)
        self._fetch = fetch
        self._held: dict[str, bytes] = {}

    def paths(self) -> Sequence[str]:
        """Return every file path, sorted."""
        return list(self._files)

    def size(self, path: str) -> int:
        """Return the size of a file in bytes."""
        return self._files[path].size

    def read(self, path: str) -> bytes:
        """Return the bytes of a file."""
        content = self._held.pop(path, None)
        if content is not None:
            return content
        wanted = [self._files[name] for name in self._ahead(path)]
        reading = asyncio.run_coroutine_threadsafe(_awaited(self._fetch(wanted)), self._loop)
        self._held = dict(reading.result())
        return self._held.pop(path)

    def _ahead(self, path: str) -> list[str]:
        if self.size(path) > _AHEAD_BYTES:
            return [path]
        siblings = self._by_ending[_ending(path)]
        start = bisect.bisect_left(siblings, path)
        following = siblings[start : start + _AHEAD_FILES]
        return [name for name in following if self.size(name) <= _AHEAD_BYTES]


async def _awaited(reading: Awaitable[Mapping[str, bytes]]) -> Mapping[str, bytes]:
    return await reading


def _ending(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[2].lower()


async def fetched(handle: FileHandle) -> IO[bytes]:
    """Return a temporary local copy of a file, open for reading; closing it removes it."""
    file = await asyncio.to_thread(tempfile.TemporaryFile)
    try:
        async for block in handle.read(0, None):
            await asyncio.to_thread(file.write, block)
        await asyncio.to_thread(file.seek, 0)
    except BaseException:
        file.close()
        raise
    return file


def zip_source(file: IO[bytes]) -> FileSource:
    """Return the inside of a zip file, checked.

    Raises:
        ArchiveError: it may not be opened.
    """
    return ZipSource(file)
