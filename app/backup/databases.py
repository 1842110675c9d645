"""A database into a folder: as files with their log, or as a dump where we may only read."""

import gzip
import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import psycopg

from app.backup.counts import Range, between, count_rows, hold_still
from app.backup.errors import BackupError
from app.backup.source import Source, tool

SLOT_PREFIX = "tuningfork_once_"
DUMP = "database.dump"
BASE = "base"
WAL = "wal"


@dataclass(frozen=True)
class KeptDatabase:
    """What was kept of a database, and of which moment."""

    kind: Literal["base", "dump"]
    moment: datetime
    rows: dict[str, Range]
    point: str = ""
    first_wal: str = ""


def size_of(source: Source) -> int:
    """Return how many bytes the database takes."""
    with source.connected() as connection:
        return int(_one(connection, "SELECT pg_database_size(current_database())"))


def server_major(source: Source) -> int:
    """Return the major version of the server."""
    with source.connected() as connection:
        return connection.info.server_version // 10_000


def schema_of(source: Source) -> str:
    """Return the revision of the schema.

    Raises:
        BackupError: this is no database of a site.
    """
    with source.connected() as connection:
        try:
            return str(_one(connection, "SELECT version_num FROM alembic_version"))
        except psycopg.errors.UndefinedTable as error:
            raise BackupError("This database holds no site: it has no schema yet.") from error


def keep(source: Source, folder: Path) -> KeptDatabase:
    """Copy the database into `folder` while it is used; nobody waits for it.

    Raises:
        BackupError: a program refused, or no room is left.
    """
    return _keep_files(source, folder) if source.admin_url else _keep_dump(source, folder)


def _keep_dump(source: Source, folder: Path) -> KeptDatabase:
    """Dump one snapshot and count in the same one, so that the counts are exact."""
    with source.connected() as connection:
        hold_still(connection)
        snapshot = str(_one(connection, "SELECT pg_export_snapshot()"))
        moment = _one(connection, "SELECT clock_timestamp()")
        options = ["--format=custom", "--no-owner", "--no-acl", f"--snapshot={snapshot}"]
        tool("pg_dump", *options, f"--file={folder / DUMP}", url=source.url)
        rows = {name: (num, num) for name, num in count_rows(connection).items()}
    return KeptDatabase("dump", moment, rows)


def _keep_files(source: Source, folder: Path) -> KeptDatabase:
    with source.connected(admin=True) as admin, _slot(admin) as slot:
        options = ["--format=tar", "--gzip", "--checkpoint=fast", "--wal-method=none"]
        options += ["--manifest-checksums=SHA256", f"--pgdata={folder / BASE}"]
        tool("pg_basebackup", *options, url=source.admin_url)
        kept = _mark(source, admin, f"tuningfork {folder.stem}", folder / BASE)
        end = str(_one(admin, "SELECT pg_switch_wal()"))
        (folder / WAL).mkdir()
        receive = ["-D", str(folder / WAL), "-S", slot, "--endpos", end, "--no-loop"]
        tool("pg_receivewal", *receive, url=source.admin_url)
    for segment in sorted((folder / WAL).iterdir()):
        # The slot began with the checkpoint before ours.
        if segment.name < kept.first_wal:
            segment.unlink()
        else:
            _shrink(segment)
    return kept


def _mark(source: Source, admin: psycopg.Connection, point: str, base: Path) -> KeptDatabase:
    """Name this moment in the log, with the rows counted just before and just after it."""
    with source.connected() as before, source.connected() as after:
        hold_still(before)
        admin.execute("SELECT pg_create_restore_point(%s)", (point,))
        hold_still(after)
        moment = _one(after, "SELECT clock_timestamp()")
        rows = between(count_rows(before), count_rows(after))
    start = json.loads((base / "backup_manifest").read_bytes())["WAL-Ranges"][0]["Start-LSN"]
    first = str(_one(admin, "SELECT pg_walfile_name(%s::pg_lsn)", start))
    return KeptDatabase("base", moment, rows, point, first)


@contextmanager
def _slot(admin: psycopg.Connection) -> Iterator[str]:
    """Have the server keep its log from now on; what a killed backup had it keep goes."""
    pattern = SLOT_PREFIX.replace("_", r"\_") + "%"
    drop = (
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
        "WHERE slot_name LIKE %s AND NOT active"
    )
    admin.execute(drop, (pattern,))
    name = SLOT_PREFIX + secrets.token_hex(4)
    admin.execute("SELECT pg_create_physical_replication_slot(%s, true)", (name,))
    try:
        yield name
    finally:
        admin.execute(drop, (name,))


def _shrink(segment: Path) -> None:
    """Compress a segment of the log: what a switch left of it is zeros."""
    whole = segment.name.removesuffix(".partial")
    with segment.open("rb") as read, gzip.open(segment.with_name(f"{whole}.gz"), "wb", 1) as write:
        shutil.copyfileobj(read, write, 1 << 20)
    segment.unlink()


def _one(connection: psycopg.Connection, statement: str, *values: str) -> Any:
    row = connection.execute(statement.encode(), values).fetchone()
    return row[0] if row else None
