"""What stays: the newest backups, and everything that one of them still needs."""

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from app.backup import blobs
from app.backup.create import BLOBS
from app.backup.shelf import Shelf
from app.core.backup_shelf import HALF, BackupRecord, backups_in, sync_folder


@dataclass
class Gone:
    """What was removed."""

    backups: list[str] = field(default_factory=list)
    num_segments: int = 0
    num_blobs: int = 0


def prune(shelf: Shelf, keep: int) -> Gone:
    """Remove all but the `keep` newest backups, then log and bytes that none of those needs.

    Raises:
        BackupError: a backup is being made.
    """
    gone = Gone()
    with shelf.held():
        have = backups_in(shelf.root)
        for old in have[: max(0, len(have) - keep)]:
            # Renamed first: a removal that is cut short leaves no half of a backup in the list.
            half = shelf.root / f"{old.id}{HALF}"
            shelf.folder(old).rename(half)
            shutil.rmtree(half)
            gone.backups.append(old.id)
        kept = have[-keep:]
        if kept:
            gone.num_segments = _prune_log(shelf, kept)
            gone.num_blobs = _prune_blobs(shelf, kept)
        sync_folder(shelf.root)
    return gone


def _prune_log(shelf: Shelf, kept: list[BackupRecord]) -> int:
    """Remove the log before the oldest backup of each stream; streams without one are over."""
    first: dict[str, str] = {}
    for record in kept:
        if record.line:
            first[record.line] = min(first.get(record.line, record.first_wal), record.first_wal)
    num = 0
    for stream in (shelf.root / "wal").glob("*"):
        if stream.name not in first:
            num += len(list(stream.iterdir()))
            shutil.rmtree(stream)
            continue
        for segment in stream.glob("[0-9A-F]*"):
            if segment.name < first[stream.name]:
                segment.unlink()
                num += 1
    return num


def _prune_blobs(shelf: Shelf, kept: list[BackupRecord]) -> int:
    """Remove bytes that no kept backup lists and that the store had last before the oldest one.

    Younger ones may belong to a moment between two backups.
    """
    needed = set[str]()
    for record in kept:
        needed |= set(blobs.read_list(shelf.folder(record) / BLOBS))
    known, oldest = blobs.read_list(shelf.index), kept[0].began - 2 * blobs.REFRESH
    left = {}
    for key, blob in known.items():
        file = shelf.blobs / key
        if key not in needed and _copied_at(file) < oldest:
            continue
        left[key] = blob
    # The list first: what it does not name is copied again, what it names must be there.
    half = shelf.index.with_suffix(".part")
    blobs.write_list(half, left.values())
    half.replace(shelf.index)
    for key in known.keys() - left.keys():
        (shelf.blobs / key).unlink(missing_ok=True)
    return len(known) - len(left)


def _copied_at(file: Path) -> datetime:
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except FileNotFoundError:
        return datetime.min.replace(tzinfo=UTC)
