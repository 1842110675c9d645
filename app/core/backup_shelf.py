"""The folder in which backups lie, as far as everybody may look into it.

A backup is a folder of its own with `backup.json` in it, and the folder gets its name last of all:
what was interrupted is called `….part` and is never listed. Blobs are kept once for all backups.
"""

import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

RECORD = "backup.json"
VERDICT = "verified.json"
SYNCED = "synced.json"
HALF = ".part"


class BackupRecord(BaseModel):
    """What a backup says of itself. `rows` has the least and the most rows of each table.

    `point` names the moment in the database's log that the backup is whole at, `line` the stream
    of log that goes on from there; both are empty for a dump.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    kind: Literal["base", "dump"]
    began: datetime
    moment: datetime
    seconds: float
    point: str = ""
    line: str = ""
    first_wal: str = ""
    postgres: int
    schema_revision: str
    rows: dict[str, tuple[int, int]]
    num_blobs: int
    blob_bytes: int
    new_blobs: int
    database_bytes: int


class Verdict(BaseModel):
    """When a backup was tried last, and what was wrong with it."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    problems: tuple[str, ...] = ()


class SyncedPoint(BaseModel):
    """A moment up to which a stream of log and the kept blobs are whole."""

    model_config = ConfigDict(frozen=True)

    point: str
    at: datetime


def backups_in(root: Path) -> list[BackupRecord]:
    """Return the finished backups below `root`, the oldest first; none where there is no folder."""
    found = [_read(folder / RECORD) for folder in _folders(root)]
    return sorted((one for one in found if one is not None), key=lambda one: one.moment)


def verdict_of(root: Path, backup_id: str) -> Verdict | None:
    """Return what the last try of a backup said."""
    try:
        return Verdict.model_validate_json((root / backup_id / VERDICT).read_bytes())
    except (OSError, ValidationError):
        return None


def synced_in(root: Path, line: str) -> SyncedPoint | None:
    """Return up to where a stream of log is whole with its blobs."""
    try:
        return SyncedPoint.model_validate_json((root / "wal" / line / SYNCED).read_bytes())
    except (OSError, ValidationError):
        return None


def newest_moment(root: Path) -> datetime | None:
    """Return the newest moment that could be brought back; None without any backup."""
    moments = [one.moment for one in backups_in(root)]
    lines = {one.line for one in backups_in(root) if one.line}
    moments += [found.at for line in lines if (found := synced_in(root, line)) is not None]
    return max(moments, default=None)


def _folders(root: Path) -> Iterator[Path]:
    try:
        entries = sorted(root.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    yield from (one for one in entries if one.suffix != HALF and (one / RECORD).is_file())


def _read(file: Path) -> BackupRecord | None:
    try:
        return BackupRecord.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def write_durably(file: Path, value: BaseModel) -> None:
    """Replace `file` by `value` in one step that survives a power cut."""
    half = file.with_name(f"{file.name}.{os.getpid()}")
    text = json.dumps(value.model_dump(mode="json"), indent=2) + "\n"
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    half.replace(file)
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
