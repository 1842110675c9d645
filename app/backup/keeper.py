"""Keep a site all the time: its log as it is written, its bytes every few minutes, all of it daily.

What is due is read from the shelf, so that a kill at any moment costs nothing but time.
"""

import asyncio
import secrets
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import psycopg

from app.backup import blobs
from app.backup.create import Site, create
from app.backup.errors import BackupError
from app.backup.log_files import is_joined
from app.backup.retention import prune
from app.backup.shelf import Shelf
from app.backup.source import environment, renew_line
from app.core.backup_shelf import SYNCED, SyncedPoint, backups_in, write_durably
from app.core.clock import now
from app.core.errors import AppError
from app.core.storage import open_storage
from app.embedded import programs
from app.embedded.processes import Command, spawn

Say = Callable[[str], None]
SYNC_EVERY_S = 240.0
RETRY_S = 60.0
ARRIVAL_S = 60.0
TICK_S = 1.0


class Stream:
    """The log of one database, written to the shelf as it is written by the server."""

    def __init__(self, site: Site, shelf: Shelf) -> None:
        self._site = site
        self._shelf = shelf
        self._child: subprocess.Popen[bytes] | None = None
        self.line = site.source.line

    @property
    def _slot(self) -> str:
        return f"tuningfork_keeper_{self.line}"

    def keep_running(self, say: Say) -> None:
        """Start what receives the log unless it runs; begin a new line if the log has a gap."""
        if self._child is not None and self._child.poll() is None:
            return
        if self._child is not None:
            say("The stream of the log ended; it is started again.")
        self._require_slot(say)
        folder = self._shelf.wal(self.line)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        program = str(programs.postgres_bin() / "pg_receivewal")
        argv = [program, "-D", str(folder), "-S", self._slot, "--synchronous"]
        self._child = spawn(
            Command(
                argv,
                log=self._site.data.log("backup-log"),
                env=environment(self._site.source.admin_url),
                stop_signal=signal.SIGINT,
            )
        )

    def _require_slot(self, say: Say) -> None:
        with self._site.source.connected(admin=True) as admin:
            state = admin.execute(
                "SELECT wal_status FROM pg_replication_slots WHERE slot_name = %s", (self._slot,)
            ).fetchone()
            if state is not None and state[0] != "lost":
                return
            if state is not None:
                admin.execute("SELECT pg_drop_replication_slot(%s)", (self._slot,))
            if any(self._shelf.wal(self.line).glob("*")):
                say("A part of the log was not received; a new stream begins.")
                self.line = renew_line(self._site.data)
            admin.execute("SELECT pg_create_physical_replication_slot(%s, true)", (self._slot,))

    def mark(self) -> SyncedPoint:
        """Name this moment in the log and wait until the shelf has it.

        Raises:
            BackupError: it does not arrive.
        """
        name = f"tuningfork synced {secrets.token_hex(6)}"
        arrived = "SELECT restart_lsn >= %s::pg_lsn FROM pg_replication_slots WHERE slot_name = %s"
        with self._site.source.connected(admin=True) as admin:
            row = admin.execute(
                "SELECT pg_create_restore_point(%s)::text, clock_timestamp()", (name,)
            ).fetchone()
            if row is None:
                raise BackupError("The database did not name the moment.")
            # A name alone stays in memory for seconds; a number given out is written at once.
            admin.execute("SELECT pg_current_xact_id()")
            deadline = time.monotonic() + ARRIVAL_S
            while admin.execute(arrived, (row[0], self._slot)).fetchone() != (True,):
                if time.monotonic() > deadline:
                    raise BackupError("The log does not arrive; see logs/backup-log.log.")
                time.sleep(0.1)
        return SyncedPoint(point=name, at=row[1])


class Keeper:
    """What `tuningfork backup keep` does until it is stopped."""

    def __init__(self, site: Site, shelf: Shelf, say: Say, sync_every_s: float) -> None:
        self._site = site
        self._shelf = shelf
        self._say = say
        self._sync_every_s = sync_every_s
        self._stream = Stream(site, shelf) if site.source.admin_url else None
        self._next_sync = 0.0
        self._next_backup = 0.0

    def run(self) -> None:
        """Look every second what is due; what does not succeed is tried again in a minute."""
        while True:
            try:
                self._tick()
            except (BackupError, AppError, OSError, psycopg.Error) as error:
                self._say(f"Not kept, tried again in a minute: {error}")
                self._next_sync = self._next_backup = time.monotonic() + RETRY_S
                time.sleep(RETRY_S / 10)
            time.sleep(TICK_S)

    def _tick(self) -> None:
        if self._stream is not None:
            self._stream.keep_running(self._say)
        if time.monotonic() >= self._next_backup and self._backup_is_due():
            self._back_up()
        if self._stream is not None and time.monotonic() >= self._next_sync:
            self._sync(self._stream)
            self._next_sync = time.monotonic() + self._sync_every_s

    def _backup_is_due(self) -> bool:
        have = backups_in(self._shelf.root)
        if self._stream is not None:
            line = self._stream.line
            # Without a backup that it continues, a stream of log is worth nothing.
            have = [one for one in have if one.line == line and is_joined(self._shelf, one)]
        if not have:
            return True
        every_h = self._site.settings.backup_every_h
        return bool(every_h) and now() - have[-1].began >= timedelta(hours=every_h)

    def _back_up(self) -> None:
        site = self._site
        if self._stream is not None:
            site = replace(site, source=replace(site.source, line=self._stream.line))
        record = create(site, self._shelf, lambda _words: None)
        self._say(f"Made the backup {record.id} in {record.seconds:.1f} s.")
        for gone in prune(self._shelf, self._site.settings.backup_keep).backups:
            self._say(f"Removed the backup {gone}.")

    def _sync(self, stream: Stream) -> None:
        """Mark a moment, then copy every byte that its rows can lead to."""
        point = stream.mark()
        with self._shelf.held():
            asyncio.run(self._sweep())
        write_durably(self._shelf.wal(stream.line) / SYNCED, point)

    async def _sweep(self) -> None:
        store = open_storage(self._site.settings)
        try:
            await blobs.Keeper(store, self._shelf).sweep()
        finally:
            await store.close()
