"""The drill: a site is filled, kept while people write, wiped, and brought back.

Run: python -m tests.faults.drill --size-mb 1000 --report docs/operations/drill.md (`make drill`).
"""

import argparse
import asyncio
import hashlib
import itertools
import json
import os
import random
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from app.accounts.schemas import LinkPurpose
from app.accounts.service.links import make_link
from app.core.settings import Settings
from app.embedded.postgres import EmbeddedPostgres
from app.main import create_app
from bench._unlimited import UNLIMITED
from tests.embedded.harness import RunningTree, cli, running_tree
from tests.factories.accounts import bearer, make_token, make_user, sign_in
from tests.factories.hub import make_repository
from tests.factories.jobs import FakeWorker, make_job

SMALL = ("--workers", "0", "--no-starter")
FILE_BYTES = 16 << 20
PERSON, REPOSITORY = "ada", "ada/big"
# A worker that nobody hears keeps its job long enough for the drill.
ENVIRONMENT = {**UNLIMITED, "TUNINGFORK_LEASE_S": "3600"}


@dataclass
class Before:
    """What was so when the backup began."""

    token: str = ""
    cookie: str = ""
    link: str = ""
    files: dict[str, str] = field(default_factory=dict)
    worker: dict[str, Any] = field(default_factory=dict)
    num_bytes: int = 0


@dataclass
class After:
    """What was found when it was back."""

    session_status: int
    link_status: int
    wrong_files: list[str]
    checked_files: int
    lost_commits: set[str]
    claimed: dict[str, Any]
    stale_status: int


@dataclass
class Report:
    """The drill in numbers."""

    before: Before
    after: After
    seconds: dict[str, float]
    backup: dict[str, Any]
    told: list[str]
    writes: int
    slowest_write_s: float
    searched: int


class Writer:
    """Commits one small file after another until told to stop; keeps what was answered."""

    def __init__(self, url: str, token: str) -> None:
        self.client = httpx.Client(base_url=url, headers=bearer(token), timeout=60)
        self.answered: list[tuple[float, str]] = []
        self.slowest_s = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(70)
        self.client.close()

    def _write(self) -> None:
        for number in itertools.count():
            if self._stop.is_set():
                return
            began, name = time.time(), f"notes/{number}.txt"
            body = {"message": "m", "texts": {name: f"note {number}"}}
            path = f"/api/v1/repos/models/{REPOSITORY}/commits"
            answer = self.client.post(path, json=body)
            assert answer.status_code == 201, answer.text
            self.slowest_s = max(self.slowest_s, time.time() - began)
            self.answered.append((time.time(), name))


class Drill:
    """One drill in a folder of its own."""

    def __init__(self, folder: Path, size_mb: float, seed: int = 7) -> None:
        self.data, self.shelf = folder / "data", folder / "kept"
        self.size = int(size_mb * 1e6)
        self.rng = random.Random(seed)
        self.before = Before()
        self.seconds: dict[str, float] = {}
        self.told: list[str] = []

    def run(self, sample: int = 100) -> Report:
        """Fill, keep, wipe, bring back and look."""
        with running_tree(self.data, *SMALL, env=ENVIRONMENT) as tree:
            self._timed("fill", lambda: asyncio.run(self._fill(tree)))
            writer = Writer(tree.url, self.before.token)
            writer.start()
            began = time.time()
            self._timed("backup", lambda: self._command("backup", "create", "--to"))
            writer.stop()
        backup = json.loads(self._command("backup", "list", "--json", "--from"))[-1]
        due = {name for moment, name in writer.answered if moment < began}
        self.wipe()
        self._timed("restore", lambda: self._command("restore", "--from"))
        with running_tree(self.data, *SMALL, env=ENVIRONMENT) as tree:
            after = self._look(tree, due, sample)
            searched = self._search(tree)
        return Report(
            self.before, after, self.seconds, backup, self.told, len(writer.answered),
            writer.slowest_s, searched,
        )  # fmt: skip

    def wipe(self) -> None:
        """Lose the machine: the data directory and the database beside it."""
        shutil.rmtree(EmbeddedPostgres(self.data / "postgres").place())
        shutil.rmtree(self.data)

    def _timed(self, name: str, work: Callable[[], object]) -> None:
        began = time.monotonic()
        work()
        self.seconds[name] = time.monotonic() - began

    def _command(self, *words: str) -> str:
        done = cli(*words, str(self.shelf), "--data-dir", str(self.data), timeout_s=3600)
        assert done.returncode == 0, done.stdout + done.stderr
        self.told += done.stdout.splitlines() if "--json" not in words else []
        return done.stdout

    async def _fill(self, tree: RunningTree) -> None:
        runtime = tree.runtime()
        secrets = json.loads((self.data / "secrets.json").read_text())
        settings = Settings(
            database_url=runtime["database_url"], storage_url=runtime["storage_url"],
            secret_key=secrets["secret_key"], worker_key=secrets["worker_key"], log_level="error",
        )  # fmt: skip
        app = create_app(settings)
        database, before = app.state.database, self.before
        ada = await make_user(database, PERSON, is_admin=True)
        before.token = await make_token(database, ada, "write")
        await make_repository(
            database, app.state.storage, ada, "big", files={"README.md": b"# Big"}
        )
        async with database.transaction() as db:
            before.link = await make_link(db, ada.id, LinkPurpose.RESET, "ada@example.org")
            await make_job(db, ada.id)
        async with httpx.AsyncClient(base_url=tree.url, timeout=120) as client:
            await sign_in(client, PERSON)
            before.cookie = str(client.cookies["session"])
            await self._send_files(client)
            await self._begin_job(client, secrets["worker_key"])
        await database.close()
        await app.state.storage.close()

    async def _send_files(self, client: httpx.AsyncClient) -> None:
        headers, left, lines = bearer(self.before.token), self.size, []
        for number in itertools.count():
            if left <= 0:
                break
            content = self.rng.randbytes(min(FILE_BYTES, left))
            left -= len(content)
            oid, name = hashlib.sha256(content).hexdigest(), f"part-{number}.safetensors"
            body = {"operation": "upload", "objects": [{"oid": oid, "size": len(content)}]}
            asked = await client.post(
                f"/{REPOSITORY}.git/info/lfs/objects/batch", json=body, headers=headers
            )
            action = asked.json()["objects"][0]["actions"]["upload"]
            sent = await client.put(
                action["href"], content=content, headers=action.get("header", {})
            )
            assert sent.status_code == 200, sent.text
            value = {"path": name, "algo": "sha256", "oid": oid, "size": len(content)}
            lines.append(json.dumps({"key": "lfsFile", "value": value}))
            self.before.files[name] = oid
            self.before.num_bytes += len(content)
        lines.insert(0, json.dumps({"key": "header", "value": {"summary": "s"}}))
        path = f"/api/models/{REPOSITORY}/commit/main"
        made = await client.post(path, content="\n".join(lines), headers=headers)
        assert made.status_code == 200, made.text

    async def _begin_job(self, client: httpx.AsyncClient, worker_key: str) -> None:
        """Let a worker get as far as a checkpoint, and then be silent."""
        worker = FakeWorker(client, key=worker_key)
        assert await worker.claim()
        state = await worker.store("checkpoints/1/state.safetensors", b"x" * 1000, "checkpoint")
        manifest = {"stage": 0, "epoch": 1, "step": 10, "files": [state]}
        assert (await worker.post("checkpoints", manifest)).status_code == 201
        self.before.worker = worker.claimed

    def _look(self, tree: RunningTree, due: set[str], sample: int) -> After:
        before = self.before
        names = sorted(before.files)
        chosen = self.rng.sample(names, min(sample, len(names)))
        with tree.client(headers=bearer(before.token)) as client:
            wrong = [name for name in chosen if _digest(client, name) != before.files[name]]
            rows = client.get(f"/api/models/{REPOSITORY}/tree/main?recursive=true").json()
            there = {row["path"] for row in rows}
        with tree.client(cookies={"session": before.cookie}) as client:
            session = client.get("/settings/sessions").status_code
        with tree.client() as client:
            link = client.get("/reset-password", params={"token": before.link}).status_code
            stale = client.post(
                "/api/v1/worker/jobs/{job_id}/attempts/{attempt}/heartbeat".format(**before.worker),
                json={}, headers=bearer(before.worker["token"]),
            ).status_code  # fmt: skip
        claimed = asyncio.run(self._claim(tree))
        return After(session, link, wrong, len(chosen), due - there, claimed, stale)

    async def _claim(self, tree: RunningTree) -> dict[str, Any]:
        secrets = json.loads((self.data / "secrets.json").read_text())
        async with httpx.AsyncClient(base_url=tree.url, timeout=60) as client:
            worker = FakeWorker(client, key=secrets["worker_key"])
            assert await worker.claim()
            return worker.claimed

    def _search(self, tree: RunningTree) -> int:
        with tree.client(headers=bearer(self.before.token)) as client:
            found = client.get("/api/models", params={"search": "big"}).json()
        return len(found)


def _digest(client: httpx.Client, name: str) -> str:
    seen = hashlib.sha256()
    with client.stream("GET", f"/{REPOSITORY}/resolve/main/{name}") as answer:
        for block in answer.iter_bytes():
            seen.update(block)
    return seen.hexdigest()


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder for one drill; the database that may lie elsewhere goes with it."""
    with tempfile.TemporaryDirectory(prefix="tuningfork-drill-") as name:
        folder = Path(name)
        try:
            yield folder
        finally:
            shutil.rmtree(EmbeddedPostgres(folder / "data" / "postgres").place().parent)


def problems(report: Report) -> list[str]:
    """Return what was not as it must be, a sentence each."""
    after, before = report.after, report.before
    resumed = after.claimed.get("resume") or {}
    checks = {
        "files with another sha256": not after.wrong_files,
        "commits lost that were answered before the backup": not after.lost_commits,
        "the old session still works": after.session_status != 200,
        "the old one-time link still works": after.link_status != 200,
        "an old worker is still heard": after.stale_status in {401, 409},
        "the job did not resume": after.claimed.get("job_id") == before.worker["job_id"],
        "the job forgot its checkpoint": resumed.get("epoch") == 1,
        "search finds nothing": report.searched == 1,
    }
    return [what for what, fine in checks.items() if not fine]


def text_of(report: Report) -> str:
    """Return the report as a page."""
    memory = int(re.findall(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[0])
    before, after, seconds = report.before, report.after, report.seconds
    num_rows = sum(most for _least, most in report.backup["rows"].values())
    epoch = (after.claimed.get("resume") or {}).get("epoch")
    attempts = before.worker["attempt"], after.claimed.get("attempt")
    facts = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{os.cpu_count()} cores, {memory / 2**20:.0f} GiB memory",
        "stored bytes": f"{before.num_bytes / 1e6:.0f} MB in {len(before.files)} files",
        "rows in the backup": f"{num_rows} in {len(report.backup['rows'])} tables",
        "filling": f"{seconds['fill']:.1f} s",
        "backup, while somebody committed": f"{seconds['backup']:.1f} s",
        "commits meanwhile": f"{report.writes}, the slowest took {report.slowest_write_s:.2f} s",
        "restore": f"{seconds['restore']:.1f} s (goal: 900 s for 1 GB)",
        "rows of every table": "as counted when they were kept, else the restore refuses",
        "sha256 compared": f"{after.checked_files} files, {len(after.wrong_files)} wrong",
        "the running job": f"attempt {attempts[0]} goes on as {attempts[1]} from epoch {epoch}",
        "old session, link, worker": (
            f"answered {after.session_status}, {after.link_status}, {after.stale_status}"
        ),
        "outcome": "; ".join(problems(report)) or "all as it must be",
    }
    head = (
        "# The drill\n\n`make drill` fills a site, keeps it while somebody commits without a pause,"
    )
    head += " wipes it,\nbrings it back, and looks everything up through its own door.\n"
    rows = [f"| {name} | {value} |" for name, value in facts.items()]
    return "\n".join([head, "| | |", "| --- | --- |", *rows, ""])


def main() -> int:
    """Run one drill, print its report, and end with 1 when something was not as it must be."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size-mb", type=float, default=1000)
    parser.add_argument("--report", type=Path)
    arguments = parser.parse_args()
    with own_folder() as folder:
        report = Drill(folder, arguments.size_mb).run()
    text = text_of(report)
    sys.stdout.write(text)
    if arguments.report:
        arguments.report.write_text(text, encoding="utf-8")
    return 1 if problems(report) else 0


if __name__ == "__main__":
    raise SystemExit(main())
