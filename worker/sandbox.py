"""Starts the processes of an attempt so that they can neither escape nor outlive the worker.

Four strengths, the best that works is taken: `bubblewrap` (own file system view, own namespaces, no
network), `namespaces` (own processes and no network; Landlock for files where the kernel has it),
`landlock` (files and TCP only), `limits` (resource limits only). All are killed as a group and die
with the worker.
"""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO, Literal, Protocol

from worker import launch


class SandboxError(Exception):
    """The wished sandbox does not work here."""


Strength = Literal["bubblewrap", "namespaces", "landlock", "limits"]
STRENGTHS: tuple[Strength, ...] = ("bubblewrap", "namespaces", "landlock", "limits")

_LAUNCH = str(Path(launch.__file__).resolve())
_PACKAGE = Path(__file__).resolve().parent
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix", "/sys")
# Of /etc only what the loader, the clock and user names need: no password file, no keys.
_ETC = tuple(
    f"/etc/{name}"
    for name in (
        *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "timezone"),
        *("passwd", "group", "nsswitch.conf", "mime.types", "OpenCL"),
    )
)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/shm")  # noqa: S108 - named, not used
_KEPT = (
    *("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"),
    *("TZ", "OMP_NUM_THREADS", "OMP_WAIT_POLICY"),
)
# Without its own process namespace a child must not read the folders of other processes.
_OWN_PROC = tuple(
    f"/proc/{name}"
    for name in ("self", "cpuinfo", "meminfo", "stat", "sys", "filesystems", "driver", "devices")
)
_PROBE_TIMEOUT_S = 20


class Child(Protocol):
    """A process that was started: what the rest of the worker needs of a `Popen`."""

    @property
    def pid(self) -> int:
        """Its number; it is also the number of its process group."""

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative for a signal; None while it is not known to have ended."""

    def poll(self) -> int | None:
        """Look whether it has ended."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, or raise `subprocess.TimeoutExpired`."""


@dataclass(frozen=True)
class Job:
    """One process to start.

    `writable` and `readable` are all it may see besides the system; the worker's environment is
    not passed on, only `environment`. `talks`: its own processes talk to one another over TCP.
    """

    argv: Sequence[str]
    writable: tuple[Path, ...]
    readable: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    max_file_bytes: int = 64 * 1024**3
    max_data_bytes: int | None = None
    talks: bool = False


def _nvidia() -> list[str]:
    return sorted(str(path) for path in Path("/dev").glob("nvidia*"))


def _program_paths() -> list[str]:
    """Return where the interpreter and its packages live; links to it included."""
    found = {sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parent.parent)}
    return [*_SYSTEM, *_ETC, *sorted(found), str(_PACKAGE)]


def launcher(spec: Mapping[str, object]) -> list[str]:
    """Return the beginning of a command line: what follows it runs behind these fences."""
    return [sys.executable, "-I", "-S", _LAUNCH, json.dumps(spec)]


def _bubblewrap(job: Job) -> list[str]:
    words = [shutil.which("bwrap") or "bwrap", "--unshare-all", "--die-with-parent"]
    words += ["--new-session", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108 - inside
    for path in _program_paths():
        words += ["--ro-bind-try", path, path]
    for device in _nvidia():
        words += ["--dev-bind-try", device, device]
    for folder in job.readable:
        words += ["--ro-bind", str(folder), str(folder)]
    for folder in job.writable:
        words += ["--bind", str(folder), str(folder)]
    return [*words, "--chdir", str(job.writable[0]), "--"]


def _fence(job: Job, strength: Strength) -> dict[str, object]:
    """Return what the launcher must do besides the limits."""
    fence: dict[str, object] = {}
    if strength == "namespaces":
        fence["namespaces"] = True
        # A network of its own: the processes of a run meet there, and nobody else is in it.
        fence["loopback"] = job.talks
    if strength == "landlock" or (strength == "namespaces" and has_landlock()):
        proc = ("/proc",) if strength == "namespaces" else _OWN_PROC
        read = [*_program_paths(), *proc, *(str(path) for path in job.readable)]
        write = [*_DEVICES, *_nvidia(), *(str(path) for path in job.writable)]
        fence["landlock"] = {"read": read, "write": write, "tcp": _tcp(job, strength)}
    return fence


def _tcp(job: Job, strength: Strength) -> str:
    """Return which connections Landlock leaves: none, all, or those between ports nobody chose."""
    if not job.talks:
        return "none"
    return "all" if strength == "namespaces" else "ephemeral"


def command(job: Job, strength: Strength) -> list[str]:
    """Return the whole command line that runs `job` behind fences of the given strength."""
    inner = _bubblewrap(job) if strength == "bubblewrap" else []
    return [*launcher(specification(job, strength)), *inner, *job.argv]


def specification(job: Job, strength: Strength) -> dict[str, object]:
    """Return what the launcher must do to itself before it becomes the program of `job`."""
    limits = {"RLIMIT_CORE": 0, "RLIMIT_NOFILE": 4096, "RLIMIT_FSIZE": job.max_file_bytes}
    if job.max_data_bytes is not None:
        limits["RLIMIT_DATA"] = job.max_data_bytes
    # On one machine with the site, its pages go first, and it is not what memory is taken from.
    spec = {"parent": os.getpid(), "rlimits": limits, "oom_score_adj": 800, "nice": 2}
    return {**spec, **_fence(job, strength)}


@lru_cache(maxsize=1)
def has_landlock() -> bool:
    """Whether the kernel lets a process give up access to files."""
    if not sys.platform.startswith("linux"):
        return False
    return launch.landlock_abi(ctypes.CDLL(None, use_errno=True)) > 0


def choose(wish: str) -> Strength:
    """Return the strongest fence that works here, or the wished one.

    Raises:
        SandboxError: the wished one does not work on this machine.
    """
    for strength in STRENGTHS:
        if wish in {"auto", strength} and works(strength):
            return strength
    raise SandboxError(f"The sandbox {wish!r} does not work on this machine; use auto.")


def works(strength: Strength) -> bool:
    """Whether a process can be started behind such a fence on this machine; tries it."""
    if strength == "limits":
        return True
    if strength == "landlock" and not has_landlock():
        return False
    with tempfile.TemporaryDirectory(prefix="fence-") as scratch:
        probe = Job(
            argv=(sys.executable, "-I", "-S", "-c", "pass"), writable=(Path(scratch).resolve(),)
        )
        try:
            done = subprocess.run(  # noqa: S603 - our own argument list, no shell
                command(probe, strength),
                capture_output=True,
                timeout=_PROBE_TIMEOUT_S,
                check=False,
                env=environment_of(probe),
            )
        except (OSError, subprocess.SubprocessError):
            return False
    return done.returncode == 0


def code_folder(scratch: Path) -> Path:
    """Return a folder whose only entry is this package, so that nothing beside it can be seen."""
    folder = scratch / "code"
    link = folder / _PACKAGE.name
    folder.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink() or link.resolve() != _PACKAGE:
        link.unlink(missing_ok=True)
        link.symlink_to(_PACKAGE)
    return folder


def environment_of(job: Job) -> dict[str, str]:
    """Return all that the program of `job` finds in its environment."""
    home = str(job.writable[0])
    # Threads that spin while they wait starve one another as soon as anything else wants a core:
    # measured on 2 busy cores, 0.05 training steps a second spinning and 3.3 sleeping.
    env = {"OMP_WAIT_POLICY": "PASSIVE"}
    env |= {name: os.environ[name] for name in _KEPT if name in os.environ}
    env |= {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "PYTHONSAFEPATH": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }
    return env | dict(job.environment)


def start(
    job: Job, strength: Strength, output: IO[bytes], stdin: IO[bytes] | int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start `job` as the head of a session of its own, both its outputs going to `output`.

    Call it from a thread that lives as long as the child should (the main thread): the kernel kills
    the child when that thread ends.
    """
    return subprocess.Popen(  # noqa: S603 - our own argument list, no shell
        command(job, strength),
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=job.writable[0],
        env=environment_of(job),
        start_new_session=True,
    )


def _parents() -> dict[int, int]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                text = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            found[int(entry.name)] = int(text.rpartition(")")[2].split()[1])
    return found


def family(pid: int) -> list[int]:
    """Return `pid` and every process below it, parents first."""
    parents = _parents()
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found


def ask_to_stop(child: Child) -> None:
    """Send SIGTERM to the program itself; the fences around it would end without passing it on."""
    program = next((pid for pid in family(child.pid) if not _is_fence(pid)), child.pid)
    _signal(program, signal.SIGTERM)


def _is_fence(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() == "bwrap"
    except OSError:
        return True


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def kill(child: Child) -> None:
    """Kill the program and everything it started, and wait until its head is gone."""
    below = family(child.pid) if child.poll() is None else [child.pid]
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    for pid in below[1:]:
        _signal(pid, signal.SIGKILL)
    child.wait()


def resident_bytes(pid: int) -> int:
    """Return the memory in use by `pid` and everything below it, shared pages counted once each."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = 0
    for member in family(pid):
        try:
            fields = Path(f"/proc/{member}/statm").read_text(encoding="ascii").split()
        except OSError:
            continue
        total += (int(fields[1]) - int(fields[2])) * page
    return total


def oom_kills() -> int:
    """Return how many processes the kernel has killed for lack of memory since it started."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    counts = [line.split()[1] for line in lines if line.startswith("oom_kill ")]
    return int(counts[0]) if counts else 0
