"""The kept log of a database: which segments there are, and how far they reach without a gap."""

from collections.abc import Iterator
from pathlib import Path

from app.backup.databases import WAL
from app.backup.shelf import Shelf
from app.core.backup_shelf import BackupRecord

_NAME = 24
_PER_FILE_NUMBER = 0x100  # segments of 16 MB


def segments(shelf: Shelf, record: BackupRecord) -> Iterator[tuple[str, Path]]:
    """Yield the log that a backup needs and what goes on from it, in order and up to any gap.

    A whole segment of the stream comes before the backup's own, which may end in the middle, and
    that before one that is still being received.
    """
    own = {file.stem: file for file in (shelf.folder(record) / WAL).glob("*.gz")}
    stream = {file.name: file for file in shelf.wal(record.line).glob("*") if _is_name(file.name)}
    coming = {file.stem: file for file in shelf.wal(record.line).glob("*.partial")}
    found = coming | own | stream
    name = record.first_wal
    while name in found:
        yield name, found[name]
        name = _after(name)


def is_joined(shelf: Shelf, record: BackupRecord) -> bool:
    """Whether the stream goes on where the backup ends."""
    stream = shelf.wal(record.line)
    return any(stream in file.parents for _name, file in segments(shelf, record))


def _is_name(name: str) -> bool:
    return len(name) == _NAME and set(name) <= set("0123456789ABCDEF")


def _after(name: str) -> str:
    number = int(name[8:16], 16) * _PER_FILE_NUMBER + int(name[16:], 16) + 1
    return f"{name[:8]}{number // _PER_FILE_NUMBER:08X}{number % _PER_FILE_NUMBER:08X}"
