"""Starts the processes of a run, passes on what the first one tells, and ends with all of them."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from worker.contract.attempt import EXIT_FAILED, EXIT_OK, EXIT_STOPPED, FAILURE_FILE
from worker.contract.failures import Failure, FailureCode, RunError
from worker.contract.run_events import RUN_EVENT, RunEvent
from worker.distributed.job import (
    EVENTS_FILE,
    EXIT_LOST,
    EXIT_MEMORY,
    JOB_FILE,
    LOG_FILE,
    RUNG_FILE,
    ProcessJob,
    Rung,
)
from worker.distributed.starting import Started, may_fork, start_forked, start_fresh

_LOOK_S = 0.05
# How long processes have to end by themselves once one has: in good order, or torn away.
_ORDERLY_GRACE_S, _TORN_GRACE_S = 30.0, 2.0
_ORDERLY = (EXIT_OK, EXIT_FAILED, EXIT_STOPPED, EXIT_MEMORY, EXIT_LOST)
_TAIL_LINES, _TAIL_BYTES = 20, 16 * 1024


class StoppedTogether(Exception):  # noqa: N818 - no error: it was asked for
    """The processes stopped because they were asked to; a checkpoint lies on disk."""


@dataclass
class Supervisor:
    """Runs one job in several processes. `folder` is theirs alone."""

    job: ProcessJob
    processes: int
    folder: Path
    sink: Callable[[RunEvent], None]
    should_stop: Callable[[], bool]
    # The module whose `main(folder)` each of them runs.
    entry: ClassVar[str] = "worker.member"

    def __post_init__(self) -> None:
        self._seq = 0
        self._read = 0

    def run(self) -> Rung | None:
        """Run the processes to their end; return the rung on which they must begin again, if any.

        Raises:
            StoppedTogether: they were asked to stop.
            RunError: one of them failed or died.
        """
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self._read = 0
        text = self.job.model_dump_json()
        (self.folder / JOB_FILE).write_text(text, encoding="utf-8")
        running = self._start()
        try:
            ended = self._watch(running)
        finally:
            for process in running.values():
                process.end()
            self._pass_on()
        return self._judge(ended)

    def _start(self) -> dict[int, Started]:
        start = start_forked if may_fork() else start_fresh
        return start(self.entry, self.folder, range(self.processes), self._environment)

    def _environment(self, rank: int) -> dict[str, str]:
        threads = max(1, len(os.sched_getaffinity(0)) // self.processes)
        return {
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(self.processes),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads)),
            # They talk to one another on this machine, and to nobody else.
            "GLOO_SOCKET_IFNAME": "lo",
            "NCCL_SOCKET_IFNAME": "lo",
            "PYTHONUNBUFFERED": "1",
        }

    def _watch(self, running: dict[int, Started]) -> dict[int, int]:
        """Return the exit codes of those that ended by themselves, the first one first.

        Once one has ended otherwise than well, the others have a little time.
        """
        ended: dict[int, int] = {}
        asked, deadline = False, float("inf")
        while len(ended) < len(running) and time.monotonic() < deadline:
            if not asked and self.should_stop():
                asked = True
                running[0].ask_to_stop()
            codes = {rank: process.poll() for rank, process in running.items()}
            for rank, code in codes.items():
                if code is not None and rank not in ended:
                    ended[rank] = code
                    if code != EXIT_OK:
                        grace_s = _ORDERLY_GRACE_S if code in _ORDERLY else _TORN_GRACE_S
                        deadline = min(deadline, time.monotonic() + grace_s)
            self._pass_on()
            time.sleep(_LOOK_S)
        return ended

    def _pass_on(self) -> None:
        """Tell what the first process has told, numbered anew: it may have begun again."""
        path = self.folder / EVENTS_FILE
        if not path.is_file():
            return
        with path.open("rb") as file:
            file.seek(self._read)
            lines = file.read().split(b"\n")[:-1]
        for line in lines:
            self._read += len(line) + 1
            self._seq += 1
            event = RUN_EVENT.validate_json(line)
            self.sink(event.model_copy(update={"seq": self._seq}))

    def say(self, *lines: str) -> None:
        """Tell people lines of our own."""
        self._seq += 1
        told = {"kind": "LogWritten", "seq": self._seq, "time": datetime.now(UTC), "lines": lines}
        self.sink(RUN_EVENT.validate_python(told))

    def _judge(self, ended: dict[int, int]) -> Rung | None:
        """Return the rung to go on with, None after success; raise what went wrong."""
        codes = set(ended.values())
        if codes == {EXIT_OK} and len(ended) == self.processes:
            return None
        failures = [self._failure(rank) for rank, code in ended.items() if code == EXIT_FAILED]
        # An explained failure comes first: every process may have met it, or lost the one that did.
        for failure in failures:
            if failure.code is not FailureCode.INTERNAL:
                raise RunError(failure.code, failure.detail)
        rungs = [self._rung(rank) for rank, code in ended.items() if code == EXIT_MEMORY]
        if rungs:
            return min(rungs, key=lambda rung: rung.size)
        # Who stops alone, before anything was agreed on, leaves the others without it.
        if EXIT_STOPPED in codes and codes <= {EXIT_STOPPED, EXIT_LOST, EXIT_OK}:
            raise StoppedTogether
        raise self._dead(ended)

    def _dead(self, ended: dict[int, int]) -> RunError:
        """Return what to say of the process that was the first to go, with its last lines."""
        odd = [rank for rank, code in ended.items() if code not in _ORDERLY]
        odd += [rank for rank, code in ended.items() if code == EXIT_FAILED]
        rank = (odd or list(ended))[0]
        code = ended[rank]
        name = f"Process {rank + 1} of {self.processes}"
        self.say(f"{name} ended; its last lines:", *self._tail(rank))
        if code < 0:
            reason = f"{name} was ended by {signal.Signals(-code).name}."
            return RunError(FailureCode.WORKER_LOST, reason)
        detail = self._failure(rank).detail if code == EXIT_FAILED else f"exit status {code}"
        return RunError(FailureCode.INTERNAL, f"{name}: {detail}")

    def _place(self, rank: int, name: str) -> Path:
        return self.folder / str(rank) / name

    def _failure(self, rank: int) -> Failure:
        text = self._place(rank, FAILURE_FILE).read_text(encoding="utf-8")
        return Failure.model_validate_json(text)

    def _rung(self, rank: int) -> Rung:
        text = self._place(rank, RUNG_FILE).read_text(encoding="utf-8")
        return Rung.model_validate_json(text)

    def _tail(self, rank: int) -> list[str]:
        path = self._place(rank, LOG_FILE)
        if not path.is_file():
            return []
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
        return [line[:500] for line in text.splitlines() if line.strip()][-_TAIL_LINES:]
