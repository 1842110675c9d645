"""A tiny process that clears the tree away when its supervisor is killed.

It holds the reading end of a pipe. As long as the supervisor lives nothing comes out of it; when
the supervisor dies, however it dies, the pipe closes. The guard then ends every process that
carries the tree's mark in its environment, whatever process group or parent it has by then.
"""

import contextlib
import os
import signal
import time
from pathlib import Path

MARK = "TUNINGFORK_TREE"
PATIENCE_S = 8.0


class Guard:
    """The supervisor's end of the pipe."""

    def __init__(self, pid: int, pipe: int) -> None:
        self._pid = pid
        self._pipe = pipe

    def release(self) -> None:
        """Let the guard look for leftovers and end; wait for it."""
        os.close(self._pipe)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def start_guard(mark: str) -> Guard:
    """Fork the guard of the tree `mark`. Call it early: its memory is a copy of the caller's."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(reading)
        return Guard(pid, writing)
    try:
        os.close(writing)
        _detach()
        while os.read(reading, 1):
            pass
        clear_away(mark)
    finally:
        os._exit(0)


def _detach() -> None:
    """Leave the terminal and its signals: Ctrl-C is for the supervisor alone."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)


def clear_away(mark: str, patience_s: float = PATIENCE_S) -> None:
    """Ask every marked process to end; kill those that have not after `patience_s` seconds."""
    for pid in marked(mark):
        # PostgreSQL's SIGTERM would wait for its clients; SIGINT ends it in order at once.
        _send(pid, signal.SIGINT if _name(pid) == "postgres" else signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    while marked(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in marked(mark):
        _send(pid, signal.SIGKILL)


def marked(mark: str) -> list[int]:
    """Return the ids of the live processes whose environment carries `mark`, except our own."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return [pid for pid in found if pid != os.getpid()]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def alive(pid: int) -> bool:
    """Say whether a process exists and has not ended already (a zombie has)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z"
