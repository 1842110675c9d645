"""Put a kept database back on its feet, as it was at a moment."""

import gzip
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.backup.databases import BASE
from app.backup.errors import BackupError
from app.backup.log_files import segments
from app.backup.shelf import Shelf
from app.core.backup_shelf import BackupRecord
from app.embedded.errors import StartError
from app.embedded.owner import own_directory, server_owner
from app.embedded.postgres import EmbeddedPostgres

FETCHED = "kept_wal"
RECOVERY_S = 3600.0
TOO_EARLY = "recovery ended before configured recovery target was reached"


@dataclass(frozen=True)
class Target:
    """The moment to bring back: a named one, a time, or with neither the end of the log."""

    point: str = ""
    at: datetime | None = None

    def settings(self) -> list[str]:
        """Return it as the server wants to hear it."""
        # Nobody is let in before the moment is reached: "ready" then means that it is.
        told = ["hot_standby=off", f"restore_command=cp {FETCHED}/%f %p"]
        told.append("recovery_target_action=promote")
        if self.point:
            told.append(f"recovery_target_name={self.point}")
        elif self.at is not None:
            told.append(f"recovery_target_time={self.at.isoformat()}")
        return told


def unpack(shelf: Shelf, record: BackupRecord, server: EmbeddedPostgres) -> None:
    """Lay out the files of a database where `server` looks for them, with all its log.

    Raises:
        BackupError: there is one already, or the backup is not whole.
    """
    target = server.place()
    if target.exists():
        raise BackupError(
            f"{target} holds a database already. Move it away if nobody needs it, or choose "
            "another --data-dir."
        )
    half = target.with_name("pg.part")
    shutil.rmtree(half, ignore_errors=True)
    own_directory(half, server_owner())
    try:
        with tarfile.open(shelf.folder(record) / BASE / "base.tar.gz", "r|gz") as archive:
            archive.extractall(half, filter="tar")
        _lay_out_log(shelf, record, half / FETCHED)
    except (OSError, EOFError, tarfile.TarError) as error:
        shutil.rmtree(half, ignore_errors=True)
        raise BackupError(
            f"The backup {record.id} is not whole ({error}). `tuningfork backup list` shows others."
        ) from error
    (half / "recovery.signal").touch()
    _hand_over(half)
    half.rename(target)


def _lay_out_log(shelf: Shelf, record: BackupRecord, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    for name, file in segments(shelf, record):
        opened = gzip.open if file.suffix == ".gz" else open
        with opened(file, "rb") as read, (folder / name).open("wb") as write:
            shutil.copyfileobj(read, write, 1 << 20)


def _hand_over(folder: Path) -> None:
    owner = server_owner()
    for place, folders, names in os.walk(folder):
        for name in [*folders, *names]:
            one = Path(place, name)
            one.chmod(0o700 if one.is_dir() else 0o600)
            if owner is not None:
                os.chown(one, owner.uid, owner.gid)


@contextmanager
def recovered(
    home: Path, target: Target, log: Path, *, durable: bool = True
) -> Iterator[EmbeddedPostgres]:
    """Run an unpacked database after it has read its log up to `target`; stop it at the end.

    Raises:
        BackupError: it did not get there.
    """
    server = EmbeddedPostgres(home, durable=durable, log=log, settings=target.settings())
    try:
        try:
            server.start(RECOVERY_S)
        except StartError as error:
            if target.at is None or TOO_EARLY not in str(error):
                raise BackupError(
                    f"The database could not be brought to that moment. Its words: {error}"
                ) from error
            # Nothing was written between the last of the log and that time: its end is the moment.
            server.stop()
            server = EmbeddedPostgres(home, durable=durable, log=log, settings=Target().settings())
            server.start(RECOVERY_S)
        shutil.rmtree(server.data / FETCHED)
        yield server
    finally:
        server.stop()
