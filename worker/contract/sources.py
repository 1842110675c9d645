"""Where the files of a data set come from: a folder, or a zip file inside it, read with limits."""

import io
import os
import stat
import zipfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

MAX_ENTRIES = 200_000
MAX_TOTAL_BYTES = 20 * 1024**3
MAX_RATIO = 200
# With one of these beside it, a zip file is just a file.
_DATA_SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"),
    *(".csv", ".tsv", ".parquet", ".jsonl", ".json", ".conll", ".conllu", ".inter"),
    *(".wav", ".flac", ".mp3", ".ogg", ".m4a", ".npz", ".gz"),
)
_RATIO_FLOOR_BYTES = 10 * 1024**2


class ArchiveError(ValueError):
    """A zip file that may not be opened; the message says why."""


class FileSource(Protocol):
    """Files by relative path with `/`. The site has one over its object store."""

    def paths(self) -> Sequence[str]:
        """Return every file path, sorted; a path that ends in `/` is an empty folder."""

    def size(self, path: str) -> int:
        """Return the size of a file in bytes."""

    def read(self, path: str) -> bytes:
        """Return the bytes of a file."""


class FolderSource:
    """The files under a local folder; links out of it are not followed."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._top = str(self._root)

    def paths(self) -> Sequence[str]:
        """Return every file path, sorted; a path that ends in `/` is an empty folder."""
        return self._paths

    @cached_property
    def _paths(self) -> Sequence[str]:
        # Looked up once: a million files are asked for by layout, formats and facts in turn.
        found: list[str] = []
        for folder, folders, files in os.walk(self._root):
            relative = "" if folder == self._top else folder[len(self._top) + 1 :] + "/"
            inside = [name for name in files if self._holds(f"{folder}/{name}")]
            found += [relative + name for name in inside]
            if relative and not folders and not inside:
                found.append(relative)
        return tuple(sorted(found))

    def _holds(self, path: str) -> bool:
        kind = os.lstat(path).st_mode
        if not stat.S_ISLNK(kind):
            return stat.S_ISREG(kind)
        aim = Path(path).resolve()
        return aim.is_file() and aim.is_relative_to(self._root)

    def size(self, path: str) -> int:
        """Return the size of a file in bytes."""
        return (self._root / path).stat().st_size

    def read(self, path: str) -> bytes:
        """Return the bytes of a file."""
        return (self._root / path).read_bytes()

    def place(self, path: str) -> Path:
        """Return where a file lies, for those that are too large to be read in one piece."""
        return self._root / path


class ZipSource:
    """The files in a zip archive, checked before anything is unpacked.

    Raises:
        ArchiveError: not a zip, encrypted, too large, or with paths that lead outside.
    """

    def __init__(self, file: IO[bytes] | Path) -> None:
        try:
            self._archive = zipfile.ZipFile(file)
            entries = self._archive.infolist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise ArchiveError("The zip file is damaged or not a zip file.") from error
        _check_entries(entries)
        self._entries = {entry.filename: entry for entry in entries}

    def paths(self) -> Sequence[str]:
        """Return every file path, sorted; a path that ends in `/` is an empty folder."""
        files = [path for path in self._entries if not path.endswith("/")]
        held = {path[: path.rindex("/") + 1] for path in files if "/" in path}
        empty = [
            path
            for path in self._entries
            if path.endswith("/") and not any(folder.startswith(path) for folder in held)
        ]
        return sorted(files + empty)

    def size(self, path: str) -> int:
        """Return the unpacked size of a file in bytes."""
        return self._entries[path].file_size

    def read(self, path: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            ArchiveError: the entry is damaged.
        """
        entry = self._entries[path]
        try:
            with self._archive.open(entry) as file:
                content = file.read(entry.file_size + 1)
        except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError) as error:
            raise ArchiveError(f"The entry {path} of the zip file is damaged.") from error
        if len(content) != entry.file_size:
            raise ArchiveError(f"The entry {path} of the zip file lies about its size.")
        return content


# What an entry may be; archives of other systems do not say.
_PLAIN = (0, stat.S_IFREG, stat.S_IFDIR)


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_ENTRIES:
        raise ArchiveError(f"The zip file holds more than {MAX_ENTRIES} files.")
    total = sum(entry.file_size for entry in entries)
    packed = max(1, sum(entry.compress_size for entry in entries))
    if total > MAX_TOTAL_BYTES:
        raise ArchiveError("The zip file unpacks to more than 20 GB.")
    if total > _RATIO_FLOOR_BYTES and total / packed > MAX_RATIO:
        raise ArchiveError("The zip file unpacks to more than 200 times its size.")
    for entry in entries:
        _check_entry(entry)


def _check_entry(entry: zipfile.ZipInfo) -> None:
    path = PurePosixPath(entry.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in entry.filename:
        raise ArchiveError(f"The zip file holds a path that leads outside: {entry.filename!r}.")
    if stat.S_IFMT(entry.external_attr >> 16) not in _PLAIN:
        raise ArchiveError(f"The zip file holds a link or a device: {entry.filename!r}.")
    if entry.flag_bits & 1:
        raise ArchiveError("The zip file is protected by a password.")


def unpacked(source: FileSource) -> FileSource:
    """Return the inside of the only zip file of a data set, or the source itself.

    Raises:
        ArchiveError: the zip file may not be opened.
    """
    archive = only_archive(source.paths())
    if archive is None:
        return source
    if isinstance(source, FolderSource):
        return ZipSource(source.place(archive))
    return ZipSource(io.BytesIO(source.read(archive)))


def only_archive(paths: Sequence[str]) -> str | None:
    """Return the zip file that is the whole data set: the only one, and no data beside it."""
    archives = [path for path in paths if path.lower().endswith(".zip")]
    if len(archives) != 1 or any(path.lower().endswith(_DATA_SUFFIXES) for path in paths):
        return None
    return archives[0]
