"""Make a backup of a site that is in use: database first, then the bytes its rows lead to."""

import asyncio
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.backup import blobs, databases
from app.backup.errors import told_when_full
from app.backup.shelf import Shelf
from app.backup.source import Source
from app.core.backup_shelf import BackupRecord
from app.core.clock import now
from app.core.settings import Settings
from app.core.storage import open_storage
from app.embedded.layout import DataDir

Say = Callable[[str], None]
FILES = "files"
BLOBS = "blobs.tsv"


@dataclass(frozen=True)
class Site:
    """What is kept: the database, the store that the settings name, and the site's own files."""

    source: Source
    settings: Settings
    data: DataDir


def create(site: Site, shelf: Shelf, say: Say) -> BackupRecord:
    """Make one backup; it is listed only once all of it is on the disk.

    Rows are read before bytes: whatever a row of the backup leads to was stored by then, and what
    the site removes stays for a day.

    Raises:
        BackupError: it was not made; earlier ones are whole.
    """
    began, started = now(), time.monotonic()
    backup_id = f"{began:%Y%m%dT%H%M%S}Z"
    with told_when_full(shelf.root), shelf.held(), shelf.half(backup_id) as half:
        revision, num_bytes = databases.schema_of(site.source), databases.size_of(site.source)
        shelf.require_room(num_bytes)
        say(f"Copying the database ({num_bytes / 10**6:.0f} MB) …")
        kept = databases.keep(site.source, half)
        _keep_files(site.data, half / FILES)
        say("Copying what is stored …")
        copied = asyncio.run(_keep_blobs(site.settings, shelf))
        blobs.write_list(half / BLOBS, copied.blobs.values())
        record = BackupRecord(
            id=backup_id,
            kind=kept.kind,
            began=began,
            moment=kept.moment,
            seconds=round(time.monotonic() - started, 2),
            point=kept.point,
            line=site.source.line,
            first_wal=kept.first_wal,
            postgres=databases.server_major(site.source),
            schema_revision=revision,
            rows=kept.rows,
            num_blobs=len(copied.blobs),
            blob_bytes=copied.num_bytes,
            new_blobs=copied.new,
            database_bytes=num_bytes,
        )
        shelf.publish(half, record)
    return record


async def _keep_blobs(settings: Settings, shelf: Shelf) -> blobs.Copied:
    store = open_storage(settings)
    try:
        return await blobs.Keeper(store, shelf).sweep()
    finally:
        await store.close()


def _keep_files(data: DataDir, folder: Path) -> None:
    """Copy the secrets and the marks; without the secrets nobody's second factor could be read."""
    folder.mkdir(mode=0o700)
    left_out = {data.lock_file, data.runtime_file, data.restoring, data.root / "backup-line"}
    names = [one for one in data.root.glob("*") if one.is_file() and one not in left_out]
    for file in names:
        shutil.copy2(file, folder / file.name)
    for name in ("password", "created"):
        file = data.postgres / name
        if file.is_file():
            (folder / "postgres").mkdir(exist_ok=True)
            shutil.copy2(file, folder / "postgres" / name)
