"""Try a backup: every checksum, and a database that is brought up from it beside the site."""

import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.backup import blobs
from app.backup.counts import count_rows, differences
from app.backup.create import BLOBS, FILES
from app.backup.databases import BASE, DUMP
from app.backup.errors import BackupError
from app.backup.recovery import Target, recovered, unpack
from app.backup.shelf import Shelf
from app.backup.source import Source, tool
from app.core.backup_shelf import VERDICT, BackupRecord, Verdict, write_durably
from app.core.clock import now
from app.embedded.postgres import EmbeddedPostgres

Say = Callable[[str], None]
READS_ARCHIVES = 18  # the version since which the checksums of an archive can be looked at


def verify(shelf: Shelf, record: BackupRecord, sample: int | None, say: Say) -> Verdict:
    """Return what is wrong with a backup, and note it beside it; nothing of a site is touched.

    Args:
        shelf: where the backup is.
        record: which one.
        sample: how many stored objects are read again, chosen by chance; None for all.
        say: told what is done.
    """
    say("Checking the files of the database …")
    problems = list(_broken_files(shelf, record))
    if not problems:
        say("Bringing the database up beside the site …")
        problems += _differences(shelf, record)
    listed = list(blobs.read_list(shelf.folder(record) / BLOBS).values())
    if len(listed) != record.num_blobs:
        problems.append(f"Its list has {len(listed)} stored objects instead of {record.num_blobs}.")
    chosen = listed if sample is None else random.sample(listed, min(sample, len(listed)))
    say(f"Reading {len(chosen)} of {len(listed)} stored objects …")
    problems += blobs.damaged_in(shelf, chosen)
    verdict = Verdict(at=now(), problems=tuple(problems))
    write_durably(shelf.folder(record) / VERDICT, verdict)
    return verdict


def _broken_files(shelf: Shelf, record: BackupRecord) -> Iterator[str]:
    folder = shelf.folder(record)
    try:
        if record.kind == "dump":
            tool("pg_restore", "--list", str(folder / DUMP))
        elif record.postgres >= READS_ARCHIVES:
            # Its log is read by the trial below; this program cannot read it from an archive.
            tool("pg_verifybackup", "--no-parse-wal", "--quiet", str(folder / BASE))
    except BackupError as error:
        yield str(error)


def _differences(shelf: Shelf, record: BackupRecord) -> list[str]:
    try:
        with _scratch(shelf, record) as url, Source(url, "", "").connected() as connection:
            return differences(record.rows, count_rows(connection))
    except BackupError as error:
        return [str(error)]


@contextmanager
def _scratch(shelf: Shelf, record: BackupRecord) -> Iterator[str]:
    """Give the URL of a database made from a backup, which goes away afterwards."""
    with tempfile.TemporaryDirectory(prefix="tuningfork-verify-") as name:
        home = Path(name) / "postgres"
        server = EmbeddedPostgres(home, durable=False)
        server.data = server.place()
        try:
            if record.kind == "dump":
                server.start()
                yield _loaded(server, shelf.folder(record) / DUMP)
                return
            home.mkdir(exist_ok=True)
            for file in (shelf.folder(record) / FILES / "postgres").iterdir():
                (home / file.name).write_bytes(file.read_bytes())
            unpack(shelf, record, server)
            target = Target(point=record.point)
            with recovered(home, target, home / "postgres.log", durable=False) as running:
                yield running.url()
        finally:
            server.remove()


def _loaded(server: EmbeddedPostgres, dump: Path) -> str:
    options = ["--no-owner", "--no-acl", "--no-comments", "--exit-on-error", "--dbname"]
    tool("pg_restore", *options, Source(server.url(), "", "").database, str(dump), url=server.url())
    return server.url()
