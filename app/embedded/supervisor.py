"""The loop that keeps the children running until somebody says stop."""

import contextlib
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from app.embedded.errors import StartError
from app.embedded.processes import stop
from app.embedded.services import Child, Service

Say = Callable[[str], None]

TICK_S = 0.25
CHECK_S = 5.0
SICK_LIMIT = 6  # failed checks in a row before a child that still runs is replaced
STEADY_S = 60.0  # a child that ran this long has its earlier failures forgiven
LONGEST_PAUSE_S = 30.0


@dataclass
class Kept:
    """A service with what happened to it so far."""

    service: Service
    child: Child | None = None
    failures: int = 0
    sick: int = 0
    started: float = 0.0
    due: float = 0.0


class Stopwatch:
    """Turns SIGINT, SIGTERM and SIGHUP into a flag and a wake-up."""

    def __init__(self) -> None:
        self.stopping = False
        self.impatient = False
        self._here, self._there = socket.socketpair()
        for end in (self._here, self._there):
            end.setblocking(False)  # noqa: FBT003 - its only parameter

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Take over the signals inside the block."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._heard) for number in numbers}
        wakeup = signal.set_wakeup_fd(self._there.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        self.impatient = self.stopping
        self.stopping = True

    def wait(self, seconds: float) -> None:
        """Sleep, but wake at once for a signal."""
        select.select([self._here], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            self._here.recv(64)


class Supervisor:
    """Starts services in their order, restarts what dies, stops them in the reverse order."""

    def __init__(self, say: Say, watch: Stopwatch) -> None:
        self._say = say
        self._watch = watch
        self._kept: list[Kept] = []
        self._next_check = 0.0

    def pids(self) -> dict[str, int]:
        """Return the process id of every running child, by name."""
        return {one.service.name: one.child.pid for one in self._kept if one.child}

    def add(self, service: Service) -> None:
        """Start a service and keep it from now on.

        Raises:
            StartError: it did not start.
        """
        kept = Kept(service, started=time.monotonic())
        kept.child = service.start()
        self._kept.append(kept)

    def wait_healthy(self, name: str, log: Path, timeout_s: float) -> None:
        """Wait until a service answers.

        Raises:
            StartError: it ended or stayed silent; the message carries its last words.
        """
        kept = next(one for one in self._kept if one.service.name == name)
        deadline = time.monotonic() + timeout_s
        while not self._watch.stopping and time.monotonic() < deadline:
            if kept.child is None or kept.child.poll() is not None:
                break
            if kept.service.healthy():
                return
            self._watch.wait(0.05)
        if not self._watch.stopping:
            raise StartError(f"The {name} did not start. Its last words:\n{last_words(log)}")

    def run(self, changed: Callable[[], None]) -> None:
        """Keep everything running until a signal asks to stop; `changed` is told of restarts."""
        while not self._watch.stopping:
            if self._tick():
                changed()
            self._watch.wait(TICK_S)

    def _tick(self) -> bool:
        now = time.monotonic()
        checking = now >= self._next_check
        if checking:
            self._next_check = now + CHECK_S
        started = [self._look_after(kept, now, checking=checking) for kept in self._kept]
        return any(started)

    def _look_after(self, kept: Kept, now: float, *, checking: bool) -> bool:
        """Restart a child that is gone, replace one that is sick; say whether it was started."""
        if kept.child is not None and kept.child.poll() is not None:
            self._lost(kept, now, f"ended with status {kept.child.returncode}")
        elif kept.child is not None and checking:
            self._check(kept, now)
        if kept.child is None and now >= kept.due:
            return self._restart(kept)
        return False

    def _check(self, kept: Kept, now: float) -> None:
        kept.sick = 0 if kept.service.healthy() else kept.sick + 1
        if kept.sick == 0 and now - kept.started > STEADY_S:
            kept.failures = 0
        if kept.sick >= SICK_LIMIT and kept.child is not None:
            stop(kept.child, kept.service.stop_signal, kept.service.grace_s)
            self._lost(kept, now, "did not answer and was stopped")

    def _lost(self, kept: Kept, now: float, what: str) -> None:
        pause = 0.0 if kept.failures == 0 else min(2.0 ** (kept.failures - 1), LONGEST_PAUSE_S)
        kept.child, kept.sick = None, 0
        kept.failures += 1
        kept.due = now + pause
        self._say(f"{kept.service.name} {what}; it starts again in {pause:g} s.")

    def _restart(self, kept: Kept) -> bool:
        now = time.monotonic()
        try:
            kept.child = kept.service.start()
        except (StartError, OSError) as error:
            self._lost(kept, now, f"did not start ({error})")
            return False
        kept.started = now
        self._say(f"{kept.service.name} is back.")
        return True

    def stop_all(self) -> None:
        """Stop the children, last started first; a second signal skips their time to end."""
        for kept in self._kept:
            # All workers put their runs away at the same time, while the site still hears them.
            if kept.child is not None and kept.service.stops_early:
                kept.child.send_signal(kept.service.stop_signal)
        for kept in reversed(self._kept):
            if kept.child is not None:
                grace_s = 0.5 if self._watch.impatient else kept.service.grace_s
                stop(kept.child, kept.service.stop_signal, grace_s)
                kept.child = None


def last_words(log: Path, lines: int = 12) -> str:
    """Return the end of a child's log."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"
