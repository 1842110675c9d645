"""Starting the processes of a run: fresh ones, or copies of this one where that is safe."""

import contextlib
import importlib
import os
import signal
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch

Environment = Callable[[int], Mapping[str, str]]
_CRASHED = 1


class Started(ABC):
    """A process that was started. `poll` gives its exit code, negative for a signal."""

    pid: int

    @abstractmethod
    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""

    def ask_to_stop(self) -> None:
        """Ask it to write a checkpoint and end."""
        self._signal(signal.SIGTERM)

    def end(self) -> None:
        """Kill it if it still runs, and wait until it is gone."""
        if self.poll() is None:
            self._signal(signal.SIGKILL)
            self.wait()

    @abstractmethod
    def wait(self) -> None:
        """Wait until it is gone."""

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)


class _Fresh(Started):
    def __init__(self, popen: "subprocess.Popen[bytes]") -> None:
        self._popen, self.pid = popen, popen.pid

    def poll(self) -> int | None:
        return self._popen.poll()

    def wait(self) -> None:
        self._popen.wait()


class _Forked(Started):
    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        return self._ask(os.WNOHANG)

    def wait(self) -> None:
        self._ask(0)

    def _ask(self, how: int) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, how)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code


def may_fork() -> bool:
    """Return whether a copy of this process can go on: no thread and no GPU would be missing.

    A copy has imported everything already, which takes a fresh process seconds.
    """
    alone = threading.active_count() == 1 and torch.get_num_threads() == 1
    return alone and not torch.cuda.is_available()


def start_forked(
    entry: str, folder: Path, ranks: Iterable[int], environment: Environment
) -> dict[int, Started]:
    """Start copies of this process that go on with `main(folder)` of a module."""
    main = importlib.import_module(entry).main
    sys.stdout.flush()
    sys.stderr.flush()
    started: dict[int, Started] = {}
    for rank in ranks:
        pid = os.fork()
        if pid == 0:
            os.environ.update(environment(rank))
            code = _CRASHED
            # Whatever happens, nothing of the original may be done a second time.
            with contextlib.suppress(BaseException):
                code = main(folder)
            os._exit(code)
        started[rank] = _Forked(pid)
    return started


def start_fresh(
    entry: str, folder: Path, ranks: Iterable[int], environment: Environment
) -> dict[int, Started]:
    """Start new interpreters that run a module with the folder as their argument.

    They are told who they are as torchrun tells it. Its agent is not used: it meets through a
    port, which the fence around an attempt forbids, and it starts lost processes again by itself.
    """
    command = [sys.executable, "-m", entry, str(folder)]
    return {
        rank: _Fresh(
            subprocess.Popen(  # noqa: S603 - our own argument list, no shell
                command, env={**os.environ, **environment(rank)}, stdin=subprocess.DEVNULL
            )
        )
        for rank in ranks
    }
