"""Time as a person sees it, time as the processor sees it, and how much of it others took."""

import os
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# More than this share of the machine used by others makes wall clocks tell of them, not of us.
DISTURBED = 0.05
# A machine with a higher load before the start is not idle.
IDLE_LOAD = 0.5
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Spent:
    """Seconds on the wall, and seconds of all cores in the process and what it started."""

    wall: float
    cpu: float

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.wall - other.wall, self.cpu - other.cpu)

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.wall + other.wall, self.cpu + other.cpu)

    def __truediv__(self, number: float) -> "Spent":
        return Spent(self.wall / number, self.cpu / number)

    def __mul__(self, number: float) -> "Spent":
        return Spent(self.wall * number, self.cpu * number)


class Clock:
    """Measures this process, with the children it has waited for, from now on."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), _own_cpu()

    def spent(self) -> Spent:
        """Return what has passed."""
        return Spent(time.perf_counter() - self._wall, _own_cpu() - self._cpu)


def _own_cpu() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


class Machine:
    """Watches what the whole machine does, from now on."""

    def __init__(self) -> None:
        self._wall, self._busy = time.perf_counter(), _busy_seconds()

    def share_of_others(self, cpu: float) -> float | None:
        """Return the part of all cores that others used; None where the system does not tell.

        Args:
            cpu: seconds of cores that were ours.
        """
        if self._busy is None:
            return None
        wall, busy = time.perf_counter() - self._wall, _busy_seconds()
        assert busy is not None
        return max(0.0, busy - self._busy - cpu) / (wall * (os.cpu_count() or 1))


def _busy_seconds() -> float | None:
    try:
        words = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()
    except OSError:
        return None
    user, nice, system, _idle, _wait, irq, soft, steal = (int(word) for word in words[1:9])
    return (user + nice + system + irq + soft + steal) / TICKS


def load() -> float:
    """Return how many processes wanted a core, over the last minute."""
    return os.getloadavg()[0]


def run_whole(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Spent:
    """Run a command to its end and return what it and all it started took.

    Raises:
        SystemExit: it failed; the end of its output is shown.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    with log.open("ab") as out:
        done = subprocess.run(command, env=dict(environment), stdout=out, stderr=out, check=False)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{log.read_text(errors='replace')[-3000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(wall, cpu)
