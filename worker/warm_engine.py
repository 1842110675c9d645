"""Keeps one process warm, whose imports are done, and lets it fork the engine of an attempt.

Each attempt is still a process of its own behind the same fences; only the seconds of importing
are not spent again. Whenever anything is odd the answer is None, and the caller starts cold.
"""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import structlog

from worker import launch, sandbox, warm_process
from worker.sandbox import Child, Job, Strength

log = structlog.get_logger(__name__)

_PACKAGE = Path(__file__).resolve().parent
_KILLED = -9
# Not while the machine comes up, and not again at once where it cannot live.
_FIRST_AFTER_S = 2.0
_AGAIN_AFTER_S = 5.0
# What ended by itself would most likely do so again.
_ENDED = "it has ended"
_AGAIN_AFTER_END_S = 120.0
_NEEDED_BYTES = 2 * 1024**3
_LOW_BYTES = 512 * 1024**2
_ANSWER_S = 10.0


class Forked:
    """A child that the warm process forked; to its user like a `Popen`.

    Its exit status comes over the wire. A wire that ends means that both were killed.
    """

    def __init__(self, pid: int, wire: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._wire = wire

    def poll(self) -> int | None:
        """Look whether it has ended."""
        return self._look(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            TimeoutExpired: it goes on.
        """
        status = self._look(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        return status

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            answer = _heard(self._wire, timeout)
            if answer is not None:
                self.returncode = int(answer.get("status", _KILLED))
        return self.returncode


def _heard(wire: socket.socket, timeout: float | None) -> dict[str, int | float] | None:
    """Return the next message, an empty one when there will be none, or None after `timeout` s."""
    wire.settimeout(timeout)
    try:
        message = wire.recv(warm_process.MESSAGE_BYTES)
    except (TimeoutError, BlockingIOError):
        return None
    except OSError:
        message = b""
    return json.loads(message) if message else {}


class _Warm:
    """One warm process and the wire to it."""

    def __init__(self, folder: Path, *, gently: bool) -> None:
        self.stamp = code_stamp()
        self.began_at = time.monotonic()
        self.is_ready = False
        self.wire, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        code = sandbox.code_folder(folder)
        spec = {"parent": os.getpid(), "rlimits": {"RLIMIT_CORE": 0}}
        environment = {"PYTHONPATH": str(code), "HF_HUB_OFFLINE": "1"}
        # Asking whether there is a GPU must not begin to use it.
        environment["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
        job = Job(argv=(), writable=(folder,), environment=environment)
        # The folder is only for people who look at a list of processes.
        program = [sys.executable, "-m", "worker.warm_process", str(folder)]
        program += [warm_process.GENTLY] if gently else []
        with theirs, (folder / "output.log").open("wb") as output:
            self.child = subprocess.Popen(  # noqa: S603 - our own argument list, no shell
                [*sandbox.launcher(spec), *program],
                stdin=theirs.fileno(),
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=sandbox.environment_of(job),
                start_new_session=True,
            )

    def look(self) -> None:
        """See whether the imports are done."""
        if not self.is_ready:
            answer = _heard(self.wire, 0.0)
            if answer and "ready" in answer:
                self.is_ready = True
                log.info("engine_warm", seconds=answer["seconds"])

    def trouble(self) -> str | None:
        """Return why it cannot be used, or None."""
        if self.child.poll() is not None:
            return _ENDED
        if self.stamp != code_stamp():
            return "the code has changed since"
        return None

    def close(self) -> None:
        sandbox.kill(self.child)
        self.wire.close()


class WarmEngine:
    """Starts engines from a warm process, which it keeps, replaces and lets go.

    Every method must be called from one thread that lives as long as the worker: the kernel kills
    the warm process when the thread that started it ends.
    """

    def __init__(self, folder: Path, idle_s: float, strength: Strength, wish: str = "auto") -> None:
        self._folder = folder
        self._idle_s = idle_s
        self._strength = _fork_strength(strength, wish)
        self._warm: _Warm | None = None
        self._run: Forked | None = None
        self._next_at = time.monotonic() + _FIRST_AFTER_S
        self._wanted_at = time.monotonic()

    @property
    def is_ready(self) -> bool:
        """Whether the next attempt would start warm."""
        if self._warm is not None:
            self._warm.look()
        return self._warm is not None and self._warm.is_ready

    def tend(self, *, is_busy: bool = False) -> None:
        """Start, keep or let go the warm process; call it every few seconds, also during a run.

        As long as a run that it forked goes on, it stays: that run would end with it.
        """
        if self._run is not None and self._run.poll() is None:
            return
        now = time.monotonic()
        if self._warm is not None:
            self._warm.look()
            self._drop_for(self._warm.trouble() or self._surplus(now))
        is_wanted = now - self._wanted_at < self._idle_s and now >= self._next_at
        if self._warm is None and self._strength is not None and is_wanted:
            self._next_at = now + _AGAIN_AFTER_S
            if available_bytes() >= _NEEDED_BYTES:
                self._warm = _Warm(self._folder, gently=is_busy)

    def _surplus(self, now: float) -> str | None:
        if now - self._wanted_at >= self._idle_s:
            return "no work for a while"
        return "memory is short" if available_bytes() < _LOW_BYTES else None

    def _drop_for(self, reason: str | None) -> None:
        if reason is not None and self._warm is not None:
            log.info("engine_let_go", reason=reason)
            pause_s = _AGAIN_AFTER_END_S if reason == _ENDED else _AGAIN_AFTER_S
            self._next_at = time.monotonic() + pause_s
            self._warm.close()
            self._warm = None

    def start(self, job: Job, folder: Path, output: IO[bytes]) -> Child | None:
        """Run the attempt of a job folder in a fork of the warm process.

        Args:
            job: the fences; its program is not looked at.
            folder: the job folder.
            output: where all goes that the process prints.

        Returns:
            The child; None when it must be started cold.
        """
        self._wanted_at = time.monotonic()
        if self._warm is not None:
            self._drop_for(self._warm.trouble())
        if self._warm is None or self._strength is None or not self.is_ready:
            log.info("engine_starts_cold", reason="nothing is warm yet")
            return None
        asked = {
            "fence": sandbox.specification(job, self._strength),
            "environment": sandbox.environment_of(job),
            "folder": str(job.writable[0]),
            "job": str(folder),
        }
        return self._asked(self._warm.wire, json.dumps(asked).encode(), output)

    def _asked(self, wire: socket.socket, message: bytes, output: IO[bytes]) -> Child | None:
        try:
            wire.settimeout(_ANSWER_S)
            socket.send_fds(wire, [message], [output.fileno()])
            answer = _heard(wire, _ANSWER_S)
        except OSError as error:
            answer = None
            log.warning("engine_not_asked", reason=str(error))
        if not answer or "started" not in answer:
            # Killed first: a child that it may have forked must not run beside a cold one.
            self._drop_for("it does not answer")
            log.warning("engine_starts_cold", reason="the warm one does not answer")
            return None
        log.info("engine_starts_warm", pid=answer["started"])
        self._run = Forked(int(answer["started"]), wire)
        return self._run

    def close(self) -> None:
        """Let the warm process go."""
        self._drop_for("the worker ends" if self._warm else None)


def _fork_strength(strength: Strength, wish: str) -> Strength | None:
    """Return the fence that a forked child can put around itself, no weaker than the worker's.

    bubblewrap is a program and cannot be put around a process that runs already; own namespaces
    with Landlock hide and forbid the same. Who asked for bubblewrap by name gets nothing else.
    """
    if strength != "bubblewrap":
        return strength
    if wish == "auto" and sandbox.has_landlock() and sandbox.works("namespaces"):
        return "namespaces"
    return None


def code_stamp() -> str:
    """Return what changes when the worker's code, or what is installed beside it, does."""
    places: Sequence[Path] = sorted(_PACKAGE.rglob("*.py"))
    places = [*places, Path(sysconfig.get_path("purelib")), Path(launch.__file__)]
    digest = hashlib.sha256()
    for path in places:
        try:
            found = path.stat()
        except OSError:
            continue
        digest.update(f"{path}\0{found.st_mtime_ns}\0{found.st_size}\n".encode())
    return digest.hexdigest()


def available_bytes() -> int:
    """Return how much memory can still be used without swapping; a great number if unknown."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return 1 << 60
    sizes = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    return sizes[0] if sizes else 1 << 60
