"""Watches one process of an attempt and ends it in time when the site or a limit says so."""

import errno
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from worker import sandbox
from worker.contract.failures import FailureCode
from worker.lease import Order

log = structlog.get_logger(__name__)

_LOOK_S = 0.1
_LIMITS_EVERY_S = 1.0
_CANCEL_GRACE_S = 5.0
# A checkpoint at the next step; the process supervisor above us gives 20 seconds in all.
_STOP_GRACE_S = 10.0
_LOW_DISK_BYTES = 1024**3
_LOW_DISK_PART = 0.05


@dataclass(frozen=True)
class Limits:
    """What a process may use. `deadline` is a reading of `time.monotonic`, None for no limit."""

    memory_bytes: int
    deadline: float | None
    folder: Path
    lease_grace_s: float


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit status (negative for a signal), and what we did to it.

    `limit` is the failure of the limit it broke; `order` is what the site wanted at that time.
    """

    status: int
    order: Order
    limit: FailureCode | None
    seconds: float
    peak_bytes: int
    oom_killed: bool


class Watch:
    """Waits for a process, asks it to stop and kills it when it does not."""

    def __init__(
        self,
        child: sandbox.Child,
        limits: Limits,
        order: Callable[[], Order],
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        self._child = child
        self._meanwhile = meanwhile
        self._limits = limits
        self._order = order
        self._limit: FailureCode | None = None
        self._kill_at: float | None = None
        self._looked_at = 0.0
        self._peak_bytes = 0

    def wait(self) -> Ended:
        """Return when the process and everything below it is gone."""
        began_at = time.monotonic()
        kills_before = sandbox.oom_kills()
        while self._child.poll() is None:
            self._check_limits()
            self._obey(self._order())
            if self._kill_at is not None and time.monotonic() >= self._kill_at:
                sandbox.kill(self._child)
            self._pause()
        sandbox.kill(self._child)
        return Ended(
            status=self._child.wait(),
            order=self._order(),
            limit=self._limit,
            seconds=time.monotonic() - began_at,
            peak_bytes=self._peak_bytes,
            oom_killed=sandbox.oom_kills() > kills_before,
        )

    def _pause(self) -> None:
        try:
            self._child.wait(_LOOK_S)
        except subprocess.TimeoutExpired:
            return

    def _obey(self, order: Order) -> None:
        if order is Order.STALE:
            self._kill_at = time.monotonic()
        elif order is Order.CANCEL:
            self._stop_within(_CANCEL_GRACE_S)
        elif order is Order.LEASE_AT_RISK:
            self._stop_within(self._limits.lease_grace_s)
        elif order is Order.STOP:
            self._stop_within(_STOP_GRACE_S)

    def _stop_within(self, grace_s: float) -> None:
        deadline = time.monotonic() + grace_s
        if self._kill_at is None:
            sandbox.ask_to_stop(self._child)
            self._kill_at = deadline
        self._kill_at = min(self._kill_at, deadline)

    def _check_limits(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < _LIMITS_EVERY_S or self._limit is not None:
            return
        self._looked_at = now
        self._meanwhile()
        self._peak_bytes = max(self._peak_bytes, sandbox.resident_bytes(self._child.pid))
        if self._peak_bytes > self._limits.memory_bytes:
            self._limit = FailureCode.OUT_OF_MEMORY
            self._kill_at = now
        elif is_disk_low(self._limits.folder):
            self._limit = FailureCode.DISK_FULL
            self._stop_within(_CANCEL_GRACE_S)
        elif self._limits.deadline is not None and now > self._limits.deadline:
            self._limit = FailureCode.TIME_LIMIT
            self._stop_within(_STOP_GRACE_S)


def is_disk_low(folder: Path) -> bool:
    """Whether so little space is left that the next checkpoint might be torn."""
    usage = shutil.disk_usage(folder)
    return usage.free < min(_LOW_DISK_BYTES, int(usage.total * _LOW_DISK_PART))


def is_full(error: OSError) -> bool:
    """Whether an error of the operating system means that the disk is full."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}
