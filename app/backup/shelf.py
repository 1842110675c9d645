"""The folder in which backups lie: who may write there, and how a backup becomes one."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from app.backup.errors import BackupError, no_room
from app.core.backup_shelf import (
    HALF,
    RECORD,
    BackupRecord,
    backups_in,
    sync_folder,
    write_durably,
)

LEAST_FREE_BYTES = 64 << 20


class Shelf:
    """A folder of backups. One process at a time changes it; looking is free."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.blobs = self.root / "blobs"
        self.index = self.root / "blobs.tsv"

    def make(self) -> None:
        """Make the folder, private to its owner.

        Raises:
            BackupError: it cannot be made.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.blobs.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise BackupError(
                f"The folder of backups {self.root} cannot be made ({error.strerror}). "
                "Choose another with --to or TUNINGFORK_BACKUP_DIR."
            ) from error

    def wal(self, line: str) -> Path:
        """Return where a stream of log is kept."""
        return self.root / "wal" / line

    @contextlib.contextmanager
    def held(self, *, wait: bool = False) -> Iterator[None]:
        """Be the only one who changes the folder; it is let go when the process ends.

        Raises:
            BackupError: somebody else is at it.
        """
        self.make()
        with (self.root / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                raise BackupError(
                    f"Another backup is being made in {self.root}. Wait until it has ended."
                ) from None
            yield

    def find(self, backup_id: str) -> BackupRecord:
        """Return the backup of that name, the newest for an empty one.

        Raises:
            BackupError: there is none.
        """
        all_of_them = backups_in(self.root)
        found = [one for one in all_of_them if backup_id in {"", one.id}]
        if not found:
            have = ", ".join(one.id for one in all_of_them) or "none at all"
            raise BackupError(
                f"There is no backup {backup_id or 'yet'} in {self.root}; there is: {have}."
            )
        return found[-1]

    def folder(self, record: BackupRecord) -> Path:
        """Return the folder of a backup."""
        return self.root / record.id

    @contextlib.contextmanager
    def half(self, backup_id: str) -> Iterator[Path]:
        """Give an empty folder to fill; what an earlier try left, and this one's, goes away."""
        for left in self.root.glob(f"*{HALF}"):
            shutil.rmtree(left)
        folder = self.root / f"{backup_id}{HALF}"
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(self, half: Path, record: BackupRecord) -> None:
        """Make what lies in `half` a backup: its bytes are on the disk before its name is."""
        for folder, _folders, names in os.walk(half):
            for name in names:
                _sync_file(Path(folder, name))
            sync_folder(Path(folder))
        write_durably(half / RECORD, record)
        half.rename(self.root / record.id)
        sync_folder(self.root)

    def require_room(self, num_bytes: int) -> None:
        """Pass if so many bytes still fit.

        Raises:
            BackupError: they do not.
        """
        if shutil.disk_usage(self.root).free < num_bytes + LEAST_FREE_BYTES:
            raise no_room(self.root, f"{(num_bytes + LEAST_FREE_BYTES) / 10**6:.0f} MB")


def _sync_file(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
