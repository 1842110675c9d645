"""The files of a data-set revision as the doctor reads them: by path, in a thread."""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO

from app.hub.schemas import FileHandle, TreeFile
from worker.contract.sources import FileSource, ZipSource

# What else than a zip file makes a data set; with one of these beside it, a zip is just a file.
_DATA_SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"),
    *(".csv", ".tsv", ".parquet"),
)
TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")
MAX_TABLE_BYTES = 100 * 1024 * 1024


class HubSource:
    """Files of a revision; only the tables can be read, through the event loop that opened them.

    Use it in a thread other than the loop's.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        files: Sequence[TreeFile],
        tables: Mapping[str, FileHandle],
    ) -> None:
        self._loop = loop
        self._sizes = {file.path: file.size for file in files}
        self._tables = tables

    def paths(self) -> Sequence[str]:
        """Return every file path, sorted."""
        return sorted(self._sizes)

    def size(self, path: str) -> int:
        """Return the size of a file in bytes."""
        return self._sizes[path]

    def read(self, path: str) -> bytes:
        """Return the bytes of a table, at most `MAX_TABLE_BYTES` of them."""
        reading = self._tables[path].read_all(0, MAX_TABLE_BYTES)
        return asyncio.run_coroutine_threadsafe(reading, self._loop).result()


def only_archive(files: Sequence[TreeFile]) -> TreeFile | None:
    """Return the zip file that is the whole data set, if there is exactly one and no other data."""
    archives = [file for file in files if file.path.lower().endswith(".zip")]
    if len(archives) != 1 or any(f.path.lower().endswith(_DATA_SUFFIXES) for f in files):
        return None
    return archives[0]


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
