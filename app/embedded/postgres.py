"""An embedded PostgreSQL: the programs of a wheel, driven by us."""

import contextlib
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlencode

from app.embedded import programs
from app.embedded.errors import StartError
from app.embedded.owner import STATE_ROOT, own_directory, reachable, server_owner
from app.embedded.processes import Command, Owner, spawn, stop

ROLE = "tuningfork"
DATABASE = "tuningfork"
DEFAULT_PORT = 5432  # part of the socket's name, even where no port is opened
READY_LINE = 7  # of postmaster.pid: "ready" once connections are served
EXTENSIONS = ("pg_trgm", "vector", "btree_gist")  # some need the superuser, so they are made here
# A keeper of backups that stays away may not fill the disk with what it has not fetched.
MOST_KEPT_WAL = "4GB"
SUPERUSER = "postgres"
SLACK_SETTINGS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "scram_iterations=1",  # a password is checked anew for every connection, by both sides
)


class EmbeddedPostgres:
    """One cluster in one directory; listens on a unix socket in a private folder.

    Args:
        home: Directory for the cluster and its password; made when missing. Under root the
            cluster itself may live elsewhere (`data`), where its own user can reach it.
        durable: False trades safety for speed (no fsync): for tests only.
        log: File for the server's messages; `home/postgres.log` when not given.
        port: Loopback port to listen on as well, and to name in `url`; 0 for none.
        settings: Further settings of the server, `name=value`.
    """

    def __init__(
        self,
        home: Path,
        *,
        durable: bool = True,
        log: Path | None = None,
        port: int = 0,
        settings: Sequence[str] = (),
    ) -> None:
        self.home = home.absolute()
        self.durable = durable
        self.port = port
        self._settings = settings
        self.log = log or self.home / "postgres.log"
        self.child: subprocess.Popen[bytes] | None = None
        self._owner: Owner | None = None
        self._bin = Path()
        self.data = self.home / "pg"
        self.socket_dir = _socket_dir(self.home)

    def start(self, timeout_s: float = 60.0) -> str:
        """Make the cluster on first use, start it, wait until it answers; return its URL.

        Returns:
            `postgresql://tuningfork:…@/tuningfork?host=…` for libpq, psycopg and SQLAlchemy.

        Raises:
            StartError: the programs are missing, or the server ended or stayed silent.
        """
        self._owner = server_owner()
        self._bin = programs.readable_postgres_bin(self._owner)
        self.data = self.place()
        own_directory(self.socket_dir, self._owner)
        fresh = not (self.data / "PG_VERSION").is_file()
        if fresh:
            self._make_cluster()
        self._check_version()
        self._end_leftover()
        self.child = spawn(self._command())
        self._wait_ready(timeout_s)
        if not (self.home / "created").is_file():
            self._create_database()
        return self.url()

    def place(self) -> Path:
        """Return where the cluster is or will be, which under root may be elsewhere."""
        root = STATE_ROOT if self.durable else Path(tempfile.gettempdir())
        return reachable(self.home, server_owner(), root) / "pg"

    def url(self, database: str = DATABASE, role: str = ROLE) -> str:
        """Return the URL of a database of this cluster, password included."""
        if self.port:
            return f"postgresql://{role}:{self._password()}@127.0.0.1:{self.port}/{database}"
        query = urlencode({"host": str(self.socket_dir)}, safe="/")
        return f"postgresql://{role}:{self._password()}@/{database}?{query}"

    def stop(self) -> None:
        """Stop the server in its fast mode (open transactions are rolled back)."""
        if self.child is not None:
            stop(self.child, signal.SIGINT, grace_s=30.0)
            self.child = None
        shutil.rmtree(self.socket_dir, ignore_errors=True)

    def remove(self) -> None:
        """Stop the server and delete the cluster: for tests."""
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)
        if self.data.parent != self.home:
            shutil.rmtree(self.data.parent, ignore_errors=True)

    def _password(self) -> str:
        return (self.home / "password").read_text().strip()

    def _make_cluster(self) -> None:
        """Run initdb beside the final place and move it there, so that a kill leaves no half."""
        half = self.data.with_name("pg.part")
        shutil.rmtree(half, ignore_errors=True)
        own_directory(half, self._owner)
        password = secrets.token_urlsafe(24)
        _write_private(self.home / "password", password)
        hand_over = self.socket_dir / "password"
        _write_private(hand_over, password)
        if self._owner is not None:
            os.chown(hand_over, self._owner.uid, self._owner.gid)
        try:
            self._run("initdb", "-D", str(half), f"--pwfile={hand_over}", *self._initdb_options())
        finally:
            hand_over.unlink()
        (self.home / "created").unlink(missing_ok=True)
        half.rename(self.data)

    def _initdb_options(self) -> list[str]:
        options = [f"--username={SUPERUSER}", "--auth=scram-sha-256", "--encoding=UTF8"]
        if programs.postgres_major(self._bin) >= programs.BUILTIN_LOCALE_SINCE:
            options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        options.append("--locale=C")
        return options if self.durable else [*options, "--no-sync"]

    def _check_version(self) -> None:
        made_by = int((self.data / "PG_VERSION").read_text().strip())
        have = programs.postgres_major(self._bin)
        if made_by != have:
            raise StartError(
                f"The database in {self.data} was made by PostgreSQL {made_by}, but the programs "
                f"are version {have}. Install version {made_by}, or move the data with "
                "pg_dump and pg_restore."
            )

    def _end_leftover(self) -> None:
        """Wait for a server of a killed supervisor to end, and kill it when it does not."""
        for patience_s, number in ((10.0, signal.SIGINT), (5.0, signal.SIGQUIT)):
            pid = _leftover_pid(self.data)
            if pid is None:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            _wait_until(lambda: _leftover_pid(self.data) is None, patience_s)

    def _command(self) -> Command:
        settings = [
            f"listen_addresses={'127.0.0.1' if self.port else ''}",
            f"port={self.port or DEFAULT_PORT}",
            f"unix_socket_directories={self.socket_dir}",
            "unix_socket_permissions=0700",
            "max_connections=200",
            "shared_buffers=128MB",
            "jit=off",
            "password_encryption=scram-sha-256",
            f"max_slot_wal_keep_size={MOST_KEPT_WAL}",
            *(() if self.durable else SLACK_SETTINGS),
            *self._settings,
        ]
        argv = [str(self._bin / "postgres"), "-D", str(self.data)]
        for setting in settings:
            argv += ["-c", setting]
        return Command(
            argv,
            log=self.log,
            env=_plain_environment(),
            cwd=Path("/"),
            owner=self._owner,
            stop_signal=signal.SIGINT,
        )

    def _wait_ready(self, timeout_s: float) -> None:
        child = self.child
        if child is None:
            raise StartError("PostgreSQL was not started.")
        _wait_until(lambda: self._is_ready(child.pid) or child.poll() is not None, timeout_s)
        if not self._is_ready(child.pid):
            self.stop()
            raise StartError(f"PostgreSQL did not start; its last words:\n{_tail(self.log)}")

    def _is_ready(self, pid: int) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        mine = bool(lines) and lines[0].strip() == str(pid)
        return mine and len(lines) > READY_LINE and lines[READY_LINE].strip() == "ready"

    def _create_database(self) -> None:
        """Give the site a role that owns its database and may make others, but is no superuser."""
        password = self._password()
        statements = (
            *(f"CREATE EXTENSION IF NOT EXISTS {name}" for name in EXTENSIONS),
            f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}'",
            f"CREATE DATABASE {DATABASE} OWNER {ROLE}",
        )
        for statement in statements:
            self._superuser(statement, "template1" if "EXTENSION" in statement else "postgres")
        (self.home / "created").touch()

    def _superuser(self, statement: str, database: str) -> None:
        arguments = ["-X", "-q", "-h", str(self.socket_dir), "-p", str(self.port or DEFAULT_PORT)]
        arguments += ["-U", SUPERUSER, "-d", database]
        answer = subprocess.run(  # noqa: S603 - a program we located
            [str(self._bin / "psql"), *arguments],
            input=statement,
            env={**_plain_environment(), "PGPASSWORD": self._password()},
            check=False,
            capture_output=True,
            text=True,
        )
        if answer.returncode != 0 or ("ERROR" in answer.stderr and "exists" not in answer.stderr):
            raise StartError(f"PostgreSQL refused a first statement: {answer.stderr.strip()}")

    def _run(self, program: str, *arguments: str) -> None:
        owner = self._owner
        answer = subprocess.run(  # noqa: S603 - a program we located
            [self._bin / program, *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            env=_plain_environment(),
            user=owner.uid if owner else None,
            group=owner.gid if owner else None,
            extra_groups=[] if owner else None,
        )
        if answer.returncode != 0:
            raise StartError(f"{program} failed: {(answer.stderr or answer.stdout).strip()}")


def _socket_dir(home: Path) -> Path:
    """Return a short private folder: a unix socket's path may not be longer than 107 bytes."""
    name = hashlib.sha256(f"{os.getuid()}:{home}".encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir(), f"tuningfork-{name}")


def _write_private(file: Path, text: str) -> None:
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)


def _plain_environment() -> dict[str, str]:
    """Return an environment without PG… variables, which would lead the programs astray."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C"}


def _leftover_pid(data: Path) -> int | None:
    """Return the id of a server that still runs on `data`, as /proc tells it."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        same = Path(f"/proc/{pid}/cwd").resolve(strict=True) == data.resolve()
    except (OSError, ValueError):
        return None
    return pid if same else None


def _wait_until(done: Callable[[], bool], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not done() and time.monotonic() < deadline:
        time.sleep(0.02)


def _tail(log: Path, lines: int = 8) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"
