"""A site of a benchmark's own: a PostgreSQL, a person with a token, and a process to watch."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx
from sqlalchemy.ext.asyncio import create_async_engine

from app.accounts import service as accounts
from app.accounts.schemas import NewUser
from app.core.db import Database, driver_url
from app.embedded.postgres import EmbeddedPostgres
from app.tables import Base
from bench._unlimited import UNLIMITED

PERSON = "bench"


@dataclass(frozen=True)
class BenchSite:
    """Where it answers, a write token, its process, the folder of its bytes, its database."""

    url: str
    token: str
    pid: int
    blobs: Path
    database_url: str

    def stored_bytes(self) -> int:
        """Return how much it has stored."""
        return sum(file.stat().st_size for file in self.blobs.rglob("*") if file.is_file())


@contextmanager
def running_site(folder: Path) -> Iterator[BenchSite]:
    """Run a site as `tuningfork serve` does: uvloop, httptools, a directory as store."""
    server = EmbeddedPostgres(folder / "postgres", durable=False)
    url = server.start()
    try:
        token = asyncio.run(_prepare(url))
        with socket.create_server(("127.0.0.1", 0), backlog=2048) as listening:
            descriptor = listening.fileno()
            environment = os.environ | {
                "DATABASE_URL": url,
                "STORAGE_URL": f"file://{folder}/blobs",
                "TUNINGFORK_SECRET_KEY": "bench",
                "TUNINGFORK_DATA_DIR": str(folder),
                "TUNINGFORK_LOG_LEVEL": "error",
                **UNLIMITED,
            }
            command = [sys.executable, "-m", "app.embedded.site", "--fd", str(descriptor)]
            process = subprocess.Popen(command, env=environment, pass_fds=[descriptor])
            address = f"http://127.0.0.1:{listening.getsockname()[1]}"
            try:
                httpx.get(f"{address}/api/models", timeout=60).raise_for_status()
                yield BenchSite(address, token, process.pid, folder / "blobs", url)
            finally:
                process.terminate()
                process.wait()
    finally:
        server.stop()


async def _prepare(url: str) -> str:
    engine = create_async_engine(driver_url(url))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()
    database = Database(url)
    async with database.transaction() as db:
        user = await accounts.create_user(db, NewUser(PERSON, "b@example.org", "a long password"))
        token = await accounts.create_token(db, user.id, PERSON, accounts.parse_scopes("write"))
    await database.close()
    return token


def resident_mb(pid: int) -> float:
    """Return the memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


class MemoryWatch:
    """The largest memory a process had while the block ran, looked at twenty times a second."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.before = resident_mb(pid)
        self.peak = self.before

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            self.peak = max(self.peak, resident_mb(self._pid))


def run_client(script: str, *arguments: str, **environment: str) -> list[float]:
    """Run the stock client in a process of its own; return the numbers that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={"PATH": os.environ["PATH"], "HF_HUB_DISABLE_PROGRESS_BARS": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return [float(word) for word in done.stdout.split()]


def write_random(file: Path, megabytes: int) -> None:
    """Fill a file with bytes that cannot be compressed."""
    with file.open("wb") as out:
        for _ in range(megabytes):
            out.write(os.urandom(1_000_000))
