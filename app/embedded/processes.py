"""Start a child that cannot outlive us, and stop it with everything it started."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Owner:
    """The system user a child runs as; `None` stands for whoever we are."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Command:
    """One child: what to run, as whom, where its output goes, how it is told to end."""

    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    owner: Owner | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    open_files: tuple[int, ...] = field(default=())


def _die_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """Ask Linux to send `stop_signal` when the thread that starts the child ends.

    The library is loaded before the fork: loading it between fork and exec could deadlock.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def ask() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask


def spawn(command: Command) -> subprocess.Popen[bytes]:
    """Start `command` as the head of a process group of its own, its output added to its log.

    Call it from a thread that lives as long as the child should: when that thread ends, the
    kernel sends the child its stop signal.
    """
    command.log.parent.mkdir(parents=True, exist_ok=True)
    owner = command.owner
    with command.log.open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - our own programs, no shell
            list(command.argv),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=command.cwd,
            env=dict(command.env) if command.env is not None else None,
            process_group=0,
            pass_fds=command.open_files,
            # The prctl must come after the change of user, which would forget it.
            preexec_fn=_die_with_parent(command.stop_signal),  # noqa: PLW1509 - the reason above
            user=owner.uid if owner else None,
            group=owner.gid if owner else None,
            extra_groups=[] if owner else None,
        )


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to a child's whole process group; a group already gone is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def stop(
    child: subprocess.Popen[bytes], number: signal.Signals = signal.SIGTERM, grace_s: float = 10.0
) -> int:
    """Ask the child to end, wait `grace_s` seconds, then kill its group; return its exit status."""
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(number)
    try:
        status = child.wait(grace_s)
    except subprocess.TimeoutExpired:
        signal_group(child.pid, signal.SIGKILL)
        status = child.wait()
    signal_group(child.pid, signal.SIGKILL)
    return status
