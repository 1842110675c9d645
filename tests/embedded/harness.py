"""A whole tree of real processes in a temporary directory, to be watched and killed."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from app.embedded.guard import alive

CLI = (sys.executable, "-m", "app.cli")
# What the surroundings must not decide for a tree under test.
FOREIGN = re.compile(r"DATABASE_URL|BROKER_URL|STORAGE_|TUNINGFORK_")


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
    # What a tree under test runs is rarely a second run, so nothing is imported in advance.
    light = {"OMP_NUM_THREADS": "1", "TUNINGFORK_WORKER_WARM_MINUTES": "0"}
    return {**kept, **light, **(extra or {})}


def wait_until(what: Callable[[], object], timeout_s: float = 60.0, every_s: float = 0.1) -> None:
    """Poll until `what` returns something true; fail with its name when it never does."""
    deadline = time.monotonic() + timeout_s
    while not what():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what}")
        time.sleep(every_s)


class RunningTree:
    """One `tuningfork up`; `lines` holds what it has printed so far."""

    def __init__(
        self, data: Path, *options: str, env: Mapping[str, str] | None = None, port: int = 0
    ) -> None:
        self.data = data
        self.env = clean_environment(env)
        self.lines: list[str] = []
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [*CLI, "up", "--data-dir", str(data), "--port", str(port), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.env,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        for line in stream:
            self.lines.append(line.rstrip("\n"))
        stream.close()

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def wait_ready(self, timeout_s: float = 60.0) -> "RunningTree":
        wait_until(lambda: self.url or self.process.poll() is not None, timeout_s, 0.02)
        assert self.url, self.output
        return self

    @property
    def url(self) -> str:
        found = re.search(r"ready at (\S+)", self.output)
        return found.group(1) if found else ""

    @property
    def setup_url(self) -> str:
        found = re.search(r"http\S+/setup\?token=\S+", self.output)
        return found.group(0) if found else ""

    def runtime(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.data / "runtime.json").read_text())
        return found

    def pid(self, name: str) -> int:
        """The process id of a child, as the tree tells it now."""
        return int(self.runtime()["pids"].get(name, 0))

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Kill a child and everything in its process group, as a crash of it would not."""
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def wait_replaced(self, name: str, old: int, timeout_s: float = 60.0) -> None:
        wait_until(lambda: self.pid(name) not in {0, old} and alive(self.pid(name)), timeout_s)

    def cli(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run another command on the same data directory, as an operator would."""
        return cli(*words, "--data-dir", str(self.data), stdin=stdin)

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60.0, **options)

    def processes(self) -> list[int]:
        """Every living process below the supervisor, its guard included."""
        parents = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, IndexError):
                words = (folder / "stat").read_text().rpartition(")")[2].split()
                parents[int(folder.name)] = int(words[1])
        below = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in below} - below:
            below |= more
        return [pid for pid in below - {self.process.pid} if alive(pid)]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(90)
        self._reader.join(10)
        return status


def cli(
    *words: str, stdin: str = "", env: Mapping[str, str] | None = None, timeout_s: float = 100
) -> subprocess.CompletedProcess[str]:
    """Run one `tuningfork` command to its end."""
    return subprocess.run(
        [*CLI, *words],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(env),
        timeout=timeout_s,
    )


@contextmanager
def running_tree(
    data: Path, *options: str, env: Mapping[str, str] | None = None
) -> Iterator[RunningTree]:
    """A tree that answers; stopped at the end, its cluster removed."""
    tree = RunningTree(data, *options, env=env)
    try:
        yield tree.wait_ready()
    finally:
        tree.stop()


__all__ = ["CLI", "RunningTree", "clean_environment", "cli", "running_tree", "wait_until"]
