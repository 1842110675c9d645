"""What lies under the data directory, and who holds it."""

import contextlib
import fcntl
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from app.embedded.errors import AlreadyRunningError

LOG_LIMIT = 10 * 2**20


@dataclass(frozen=True)
class Secrets:
    """Generated on first start, kept in `secrets.json`, readable by their owner only."""

    secret_key: str
    worker_key: str


@dataclass
class Runtime:
    """A running tree: where it answers and which processes it has. Kept in `runtime.json`."""

    supervisor: int
    address: str = ""
    database_url: str = ""
    broker_url: str = ""
    storage_url: str = ""
    database_folder: str = ""
    pids: dict[str, int] = field(default_factory=dict)


class DataDir:
    """Paths of a data directory; everything is made on first use, private to its owner."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.logs = self.root / "logs"
        self.blobs = self.root / "storage"
        self.scratch = self.root / "worker"
        self.runtime_file = self.root / "runtime.json"
        self.lock_file = self.root / "lock"
        self.postgres = self.root / "postgres"
        # There while a backup is brought back here; a site that starts then would lack half.
        self.restoring = self.root / "restoring"

    def make(self) -> None:
        """Make the directory and its log folder."""
        self.root.mkdir(parents=True, exist_ok=True)
        for folder in (self.logs, self.blobs, self.scratch):
            folder.mkdir(mode=0o700, exist_ok=True)

    def log(self, name: str) -> Path:
        """Return the log file of a child; one grown large is kept once under `.1`."""
        file = self.logs / f"{name}.log"
        with contextlib.suppress(FileNotFoundError):
            if file.stat().st_size > LOG_LIMIT:
                file.replace(file.with_suffix(".log.1"))
        return file

    def secrets(self) -> Secrets:
        """Return the secrets, made and stored on the first call."""
        file = self.root / "secrets.json"
        if not file.is_file():
            made = Secrets(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
            write_private(file, json.dumps(asdict(made), indent=2) + "\n")
        return Secrets(**json.loads(file.read_text()))

    def write_runtime(self, runtime: Runtime) -> None:
        """Tell the other commands how to reach the tree."""
        write_private(self.runtime_file, json.dumps(asdict(runtime), indent=2) + "\n")

    def runtime(self) -> Runtime | None:
        """Return the running tree, or None: a file left by a tree that is gone does not count."""
        if not self.is_held():
            return None
        return self.last_runtime()

    def last_runtime(self) -> Runtime | None:
        """Return what the last tree wrote, running or not."""
        try:
            return Runtime(**json.loads(self.runtime_file.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def hold(self) -> IO[str]:
        """Take the directory for this process and its guard; keep the result open.

        Raises:
            AlreadyRunningError: a tree runs on it.
        """
        lock = self.lock_file.open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            running = self.last_runtime()
            raise AlreadyRunningError(self.root, running.address if running else "") from None
        return lock

    def is_held(self) -> bool:
        """Say whether a tree, or the guard that still clears one away, holds the directory."""
        try:
            with self.lock_file.open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False


def write_private(file: Path, text: str) -> None:
    """Replace `file` in one step; only its owner can read it."""
    half = file.with_name(f"{file.name}.{os.getpid()}")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    half.replace(file)
