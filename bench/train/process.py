"""A process that takes turns: a line in, a line of JSON out."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.train.clock import TICKS, Spent

# The folder into which `make bench-train` puts other people's libraries.
PEERS_FOLDER = Path(".venv/peers")


class TurnTaker:
    """A child process that waits for its turn and runs nothing in between."""

    def __init__(
        self, module: str, *arguments: str, environment: dict[str, str], log: Path
    ) -> None:
        self._log = log
        began = time.monotonic()
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                text=True,
            )
        self._answer()
        self.started_s = time.monotonic() - began

    def ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Give it its turn; return its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def timed(self, order: Mapping[str, Any]) -> tuple[Spent, dict[str, Any]]:
        """Give it its turn; return what it and its children took until the answer, and that."""
        began, before = time.perf_counter(), tree_cpu(self._process.pid)
        answer = self.ask(order)
        wall = time.perf_counter() - began
        return Spent(wall, tree_cpu(self._process.pid) - before), answer

    def _answer(self) -> dict[str, Any]:
        """Wait for a line of JSON; whatever else it prints is passed over.

        Raises:
            SystemExit: the process ended instead; the end of its log is shown.
        """
        assert self._process.stdout is not None
        line = next((line for line in self._process.stdout if line.startswith("{")), None)
        if line is None:
            self._process.wait()
            raise SystemExit(f"{self._log.name}:\n{self._log.read_text(errors='replace')[-3000:]}")
        found: dict[str, Any] = json.loads(line)
        return found

    def end(self) -> None:
        """Let it go."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def environment(threads: int, *, peers: bool) -> dict[str, str]:
    """Return the environment of a loop; one of ours looks the same but for the peers' folder."""
    found = dict(os.environ)
    # A user sets none of this; the engine sets its own.
    found.pop("OMP_WAIT_POLICY", None)
    found["OMP_NUM_THREADS"] = str(threads)
    found["TOKENIZERS_PARALLELISM"] = "false"
    found["HF_HUB_OFFLINE"] = "1"
    own = str(Path(__file__).parents[2])
    found["PYTHONPATH"] = os.pathsep.join([own, str(PEERS_FOLDER.resolve())] if peers else [own])
    return found


def tree_cpu(root: int) -> float:
    """Return the seconds of cores that a process, what it started and what of it has ended used."""
    children: dict[int, list[int]] = {}
    used: dict[int, int] = {}
    for pid, parent, ticks in _processes():
        children.setdefault(parent, []).append(pid)
        used[pid] = ticks
    waiting, total = [root], 0
    while waiting:
        pid = waiting.pop()
        total += used.get(pid, 0)
        waiting += children.get(pid, [])
    return total / TICKS


def _processes() -> Iterator[tuple[int, int, int]]:
    """Yield number, parent and ticks of each process, those of its ended children included."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                text = (folder / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:  # it has just ended
                continue
            words = text.rpartition(")")[2].split()
            yield int(folder.name), int(words[1]), sum(int(word) for word in words[11:15])
