"""Clone, fetch, push and commit in a repository of 10,000 files, beside git's own clone.

Run: python -m bench git. Starts a PostgreSQL and a site of its own on loopback. The peer is git
itself: `git clone file://` of the same repository, which packs and unpacks but sends nothing.
Goals: no step worse than linear in the number of files; a one-file commit within 100 ms.
"""

import asyncio
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from app.accounts import service as accounts
from app.accounts.schemas import NewUser
from app.core.db import Database, driver_url
from app.core.logging import configure_logging
from app.core.security import ALL_SCOPES, Viewer
from app.core.storage.directory import DirectoryStore
from app.embedded.postgres import EmbeddedPostgres
from app.hub import policy, service
from app.hub.schemas import AddFile, Author, NewCommit, RepositoryKind
from app.tables import Base
from bench._unlimited import UNLIMITED

FILES = 10_000
FOLDERS = 100
COMMITS = 20


async def _prepare(url: str, blobs: Path, counts: Sequence[int]) -> tuple[str, int]:
    """Make a repository for each number of files; return a token and its owner's id."""
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(driver_url(url))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()
    database, storage = Database(url), DirectoryStore(blobs)
    async with database.transaction() as db:
        user = await accounts.create_user(db, NewUser("bench", "b@example.org", "a long password"))
        token = await accounts.create_token(db, user.id, "b", accounts.parse_scopes("write"))
    viewer = Viewer(user_id=user.id, name="bench", scopes=ALL_SCOPES)
    for count in counts:
        async with database.transaction() as db:
            made = await service.create_repository(
                db, storage, viewer, RepositoryKind.MODEL, "bench", f"files{count}"
            )
            files = [
                AddFile(f"part{n % FOLDERS:03}/{n:06}.json", f'{{"row": {n}}}\n'.encode() * 20)
                for n in range(count)
            ]
            new = NewCommit("Many files", Author("bench", user.id), files)
            await service.commit(db, storage, made, new)
    await database.close()
    return token, user.id


async def _commit_times(url: str, blobs: Path, user_id: int, count: int) -> list[float]:
    """Return the milliseconds of one-file commits through the service, each its transaction."""
    database, storage = Database(url), DirectoryStore(blobs)
    viewer = Viewer(user_id=user_id, name="bench", scopes=ALL_SCOPES)
    spent = []
    for number in range(COMMITS):
        started = time.perf_counter()
        async with database.transaction() as db:
            found = await policy.access_repository(
                db, viewer, RepositoryKind.MODEL, "bench", f"files{count}"
            )
            files = [AddFile(f"part{number:03}/changed.json", f"{number}\n".encode())]
            new = NewCommit("One file", Author("bench", user_id), files)
            await service.commit(db, storage, found, new)
        spent.append(1000 * (time.perf_counter() - started))
    await database.close()
    return spent


class _Git:
    """Runs git in a folder and says how long it took."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": "b", "GIT_AUTHOR_EMAIL": "b@example.org",
            "GIT_COMMITTER_NAME": "b", "GIT_COMMITTER_EMAIL": "b@example.org",
        }  # fmt: skip

    def __call__(self, *arguments: str, cwd: str = "") -> float:
        started = time.perf_counter()
        subprocess.run(
            ["git", *arguments], cwd=self._folder / cwd, env=self._environment, check=True,
            capture_output=True,
        )  # fmt: skip
        return time.perf_counter() - started


def _resident_mb(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0


def _start_site(url: str, folder: Path) -> "tuple[subprocess.Popen[bytes], str]":
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    site = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--factory", "app.main:create_app",
         "--port", str(port), "--log-level", "error"],
        env={**os.environ, "DATABASE_URL": url, "STORAGE_URL": f"file://{folder}/blobs",
             "TUNINGFORK_SECRET_KEY": "bench", "TUNINGFORK_DATA_DIR": str(folder),
             "TUNINGFORK_LOG_LEVEL": "error", **UNLIMITED},
    )  # fmt: skip
    with httpx.Client(transport=httpx.HTTPTransport(retries=9), timeout=60) as client:
        client.get(f"http://127.0.0.1:{port}/healthz").raise_for_status()
    return site, f"127.0.0.1:{port}"


def _measure(git: _Git, address: str, folder: Path, count: int) -> Iterator[str]:
    name = f"files{count}"
    ours = [git("clone", "-q", "--bare", f"http://{address}/bench/{name}", f"o{count}.{n}")
            for n in range(3)]  # fmt: skip
    theirs = [git("clone", "-q", "--bare", f"file://{folder}/o{count}.0", f"t{count}.{n}")
              for n in range(3)]  # fmt: skip
    work = f"w{count}"
    git("clone", "-q", f"http://{address}/bench/{name}", work)
    listed = time.perf_counter()
    with httpx.Client(base_url=f"http://{address}", timeout=60) as client:
        answer = client.get(f"/api/models/bench/{name}/tree/main?recursive=true&limit=100000")
    listed = time.perf_counter() - listed
    (folder / work / "new.txt").write_text("new\n")
    git("add", "new.txt", cwd=work)
    git("commit", "-q", "-m", "One file", cwd=work)
    pushed = git("push", "-q", "origin", "main", cwd=work)
    fetched = git("fetch", "-q", "origin", "main", cwd=f"o{count}.1")
    yield (
        f"{count} files: clone {min(ours):.2f} s, git's own {min(theirs):.2f} s "
        f"({min(ours) / min(theirs):.1f} x); one-file push {1000 * pushed:.0f} ms, "
        f"fetch {1000 * fetched:.0f} ms; tree of {len(answer.json())} rows {1000 * listed:.0f} ms"
    )


def run() -> Iterator[str]:
    """Measure, and yield a line for each figure."""
    configure_logging("error", "text")
    counts = (FILES // 10, FILES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = EmbeddedPostgres(folder / "pg", durable=False)
        url = server.start()
        try:
            token, user_id = asyncio.run(_prepare(url, folder / "blobs", counts))
            site, where = _start_site(url, folder)
            try:
                before = _resident_mb(site.pid, "VmRSS")
                for count in counts:
                    yield from _measure(_Git(folder), f"bench:{token}@{where}", folder, count)
                peak = _resident_mb(site.pid, "VmHWM")
                yield f"site: {before:.0f} MB before, peak {peak:.0f} MB"
            finally:
                site.terminate()
                site.wait()
            for count in counts:
                spent = asyncio.run(_commit_times(url, folder / "blobs", user_id, count))
                yield (
                    f"{count} files: one-file commit {statistics.median(spent):.0f} ms, "
                    f"slowest of {len(spent)} {max(spent):.0f} ms"
                )
        finally:
            server.stop()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    yield f"processor time of all children: {used.ru_utime + used.ru_stime:.1f} s"


if __name__ == "__main__":
    for line in run():
        print(line)
