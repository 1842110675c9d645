"""Bring a site back into an empty place."""

import asyncio
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alembic.util import CommandError

from app.backup import blobs
from app.backup.after import Settled, settle
from app.backup.counts import count_rows, differences
from app.backup.create import BLOBS, FILES
from app.backup.databases import DUMP
from app.backup.errors import BackupError, told_when_full
from app.backup.log_files import is_joined
from app.backup.recovery import Target, recovered, unpack
from app.backup.shelf import Shelf
from app.backup.source import Source, plain, tool
from app.core.backup_shelf import BackupRecord, backups_in, synced_in
from app.core.settings import Settings
from app.core.storage import open_storage
from app.embedded.layout import DataDir
from app.embedded.migrate import migrations
from app.embedded.postgres import EmbeddedPostgres

Say = Callable[[str], None]
END = "end"


@dataclass(frozen=True)
class Choice:
    """A backup, and the moment to bring back from it."""

    record: BackupRecord
    target: Target
    everything_since: bool = False


@dataclass(frozen=True)
class Restored:
    """What came back."""

    num_blobs: int
    settled: Settled
    seconds: float


def choose(shelf: Shelf, backup_id: str, at: str) -> Choice:
    """Return what is meant: a backup as it was made, a time, the end of the log, or the newest.

    Raises:
        BackupError: nothing kept reaches there.
    """
    if backup_id and not at:
        record = shelf.find(backup_id)
        return Choice(record, Target(point=record.point))
    if at and at != END:
        return _at_time(shelf, backup_id, _time(at))
    record = shelf.find(backup_id)
    synced = synced_in(shelf.root, record.line) if record.line else None
    if at == END:
        return Choice(record, Target(), everything_since=True)
    if synced is not None and synced.at > record.moment and is_joined(shelf, record):
        return Choice(record, Target(point=synced.point), everything_since=True)
    return Choice(record, Target(point=record.point))


def _at_time(shelf: Shelf, backup_id: str, at: datetime) -> Choice:
    fit = [one for one in backups_in(shelf.root) if one.moment <= at]
    fit = [one for one in fit if backup_id in {"", one.id}]
    if not fit:
        first = min((one.moment for one in backups_in(shelf.root)), default=None)
        reach = f"The first moment is {first:%Y-%m-%d %H:%M:%S %z}." if first else "It is empty."
        raise BackupError(f"No backup in {shelf.root} reaches back to {at.isoformat()}. {reach}")
    if fit[-1].kind == "dump":
        raise BackupError(
            f"The backup {fit[-1].id} is a dump, which has one moment only: leave --at away."
        )
    return Choice(fit[-1], Target(at=at), everything_since=True)


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BackupError(
            f"{text!r} is no time. Write 2026-01-31T13:00:00+00:00, or `end`."
        ) from None
    return found if found.tzinfo else found.astimezone()


def restore(shelf: Shelf, choice: Choice, data: DataDir, settings: Settings, say: Say) -> Restored:
    """Bring a site back into an empty data directory, or into the servers of the environment.

    Bytes come before rows, so that a try that was cut short shows nothing; do it again then.

    Raises:
        BackupError: the place is not empty, the backup is not whole, or no room is left.
    """
    started, record = time.monotonic(), choice.record
    _check(record, settings)
    data.root.mkdir(parents=True, exist_ok=True)
    with data.hold(), told_when_full(data.root):
        _claim(data)
        say("Bringing back what is stored …")
        num_blobs = asyncio.run(_bring_back_blobs(shelf, choice, data, settings))
        say("Bringing back the database …")
        _bring_back_files(shelf, record, data)
        if record.kind == "dump":
            settled = _load_dump(shelf, record, settings)
        else:
            server = EmbeddedPostgres(data.postgres)
            unpack(shelf, record, server)
            with recovered(data.postgres, choice.target, data.log("restore")) as running:
                if choice.target.point == record.point:
                    require_equal(record, running.url())
                settled = settle(running.url(), record.id)
        data.restoring.unlink()
    return Restored(num_blobs, settled, time.monotonic() - started)


def _check(record: BackupRecord, settings: Settings) -> None:
    if record.kind == "dump" and not settings.database_url:
        raise BackupError(
            f"The backup {record.id} is a dump: set DATABASE_URL to an empty database for it."
        )
    if record.kind == "base" and settings.database_url:
        raise BackupError(
            f"The backup {record.id} has the files of an own database: unset DATABASE_URL."
        )
    try:
        migrations(settings.database_url).get_revision(record.schema_revision)
    except CommandError as error:
        raise BackupError(
            f"The backup {record.id} was made by a newer Tuningfork (schema "
            f"{record.schema_revision}). Install that version or a newer one first."
        ) from error


def _claim(data: DataDir) -> None:
    """Take an empty directory, or one that an earlier try of ours left."""
    there = [one for one in data.root.iterdir() if one not in {data.restoring, data.lock_file}]
    if data.restoring.exists():
        shutil.rmtree(EmbeddedPostgres(data.postgres).place(), ignore_errors=True)
        for one in there:
            _remove(one)
    elif there:
        raise BackupError(
            f"{data.root} is not empty. Bring the site back into a new --data-dir; what is there "
            "stays as it is."
        )
    data.restoring.touch()
    data.make()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


async def _bring_back_blobs(shelf: Shelf, choice: Choice, data: DataDir, settings: Settings) -> int:
    wanted = blobs.read_list(shelf.folder(choice.record) / BLOBS)
    if choice.everything_since:
        wanted |= blobs.read_list(shelf.index)
    url = settings.storage_url or data.blobs.as_uri()
    store = open_storage(settings.model_copy(update={"storage_url": url}))
    try:
        num, damaged = await blobs.bring_back(shelf, wanted, store)
    finally:
        await store.close()
    if damaged:
        shown = ", ".join(damaged[:5])
        raise BackupError(
            f"{len(damaged)} stored objects of the backup are damaged or missing: {shown}. "
            "Choose an older backup, or look with `tuningfork backup verify`."
        )
    return num


def _bring_back_files(shelf: Shelf, record: BackupRecord, data: DataDir) -> None:
    data.postgres.mkdir(mode=0o700, exist_ok=True)
    kept: Path = shelf.folder(record) / FILES
    for file in kept.rglob("*"):
        if file.is_file():
            shutil.copy2(file, data.root / file.relative_to(kept))


def require_equal(record: BackupRecord, url: str) -> None:
    """Pass if the database has as many rows as when it was kept.

    Raises:
        BackupError: a table has not.
    """
    with Source(url, "", "").connected() as connection:
        wrong = differences(record.rows, count_rows(connection))
    if wrong:
        raise BackupError(f"The backup {record.id} did not come back whole. {' '.join(wrong[:5])}")


def _load_dump(shelf: Shelf, record: BackupRecord, settings: Settings) -> Settled:
    url = plain(settings.database_url)
    with Source(url, "", "").connected() as connection:
        tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        row = connection.execute(tables).fetchone()
        if row is None or row[0]:
            raise BackupError("The database of DATABASE_URL is not empty: make a new one for it.")
    file = str(shelf.folder(record) / DUMP)
    name = Source(url, "", "").database
    # A comment on an extension is its owner's, who need not be we.
    options = ["--no-owner", "--no-acl", "--no-comments", "--exit-on-error"]
    options += ["--single-transaction", "--dbname"]
    tool("pg_restore", *options, name, file, url=url)
    require_equal(record, url)
    return settle(url, record.id)
