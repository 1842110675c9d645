"""What a worker is told by its environment; four names are enough, the rest has defaults."""

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from worker.contract.protocol import Capabilities, Gpu

_GIB = 1024**3
# In a line of the driver's tool: number, identity, name, memory.
_COMMAS = 3
_SANDBOXES = ("auto", "bubblewrap", "namespaces", "landlock", "limits")


class SettingsError(Exception):
    """The environment cannot be used; the message says which name and what to write there."""


@dataclass(frozen=True)
class WorkerSettings:
    """The settings of one worker process.

    `memory_bytes` is what one attempt may use before it is stopped; `cache_bytes` bounds the
    downloads kept between attempts, and half of it what frozen layers made of data. A warm engine
    is kept for `warm_minutes` after the last job, or not at all for 0. `predict_bytes` are the
    weights of models that people try, held ready.
    """

    url: str
    key: str
    broker_url: str
    directory: Path
    name: str
    queues: tuple[str, ...]
    cache_bytes: int
    memory_bytes: int
    sandbox: str = "auto"
    warm_minutes: int = 0
    predict_bytes: int = 2 * _GIB


def read_settings(environment: Mapping[str, str] | None = None) -> WorkerSettings:
    """Return the settings from the environment.

    Raises:
        SettingsError: a needed name is missing, or a value cannot be read.
    """
    env = os.environ if environment is None else environment
    url = _needed(env, "TUNINGFORK_URL", "the address of the site, such as https://host:8000")
    if not url.startswith(("http://", "https://")):
        raise SettingsError("TUNINGFORK_URL must begin with http:// or https://.")
    sandbox = env.get("TUNINGFORK_WORKER_SANDBOX", "auto")
    if sandbox not in _SANDBOXES:
        raise SettingsError(f"TUNINGFORK_WORKER_SANDBOX must be one of {', '.join(_SANDBOXES)}.")
    gpus = env.get("TUNINGFORK_WORKER_QUEUES") is None and bool(find_gpus())
    default_queues = "gpu,cpu,interactive,predict" if gpus else "cpu,interactive,predict"
    queues = env.get("TUNINGFORK_WORKER_QUEUES", default_queues).split(",")
    return WorkerSettings(
        url=url.rstrip("/"),
        key=_needed(env, "TUNINGFORK_WORKER_KEY", "the worker key of the site"),
        broker_url=env.get("BROKER_URL", ""),
        directory=Path(env.get("TUNINGFORK_WORKER_DIR", "data/worker")).resolve(),
        name=env.get("TUNINGFORK_WORKER_NAME") or platform.node() or "worker",
        queues=tuple(queue.strip() for queue in queues if queue.strip()),
        cache_bytes=_bytes(env, "TUNINGFORK_WORKER_CACHE_BYTES", 20 * _GIB),
        memory_bytes=_bytes(env, "TUNINGFORK_WORKER_MEMORY_BYTES", _usable_memory()),
        sandbox=sandbox,
        predict_bytes=_bytes(env, "TUNINGFORK_WORKER_PREDICT_BYTES", 2 * _GIB),
        warm_minutes=_minutes(env, "TUNINGFORK_WORKER_WARM_MINUTES", 15),
    )


def _needed(env: Mapping[str, str], name: str, meaning: str) -> str:
    value = env.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name} is not set: write {meaning} there.")
    return value


def _bytes(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or int(text) == 0:
        raise SettingsError(f"{name} must be a whole number of bytes above zero, not {text!r}.")
    return int(text)


def _minutes(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, "")
    if text and not text.isdecimal():
        raise SettingsError(f"{name} must be a whole number of minutes, 0 for never, not {text!r}.")
    return int(text) if text else default


def total_memory() -> int:
    """Return the memory this process may use in bytes: the machine's, or its control group's."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(limit).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdecimal():
            total = min(total, int(text))
    return total


def _usable_memory() -> int:
    return int(total_memory() * 0.9)


def find_gpus() -> tuple[Gpu, ...]:
    """Ask the NVIDIA driver's own tool what is there; torch stays out of this process."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    query = [tool, "--query-gpu=index,uuid,name,memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(  # noqa: S603 - the driver's tool, no shell, no user input
            query, capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    rows = [line.split(",") for line in answer.stdout.splitlines() if line.count(",") == _COMMAS]
    return tuple(
        Gpu(name=name.strip(), memory_bytes=int(mebibytes) * 1024**2)
        for index, uuid, name, mebibytes in rows
        if mebibytes.strip().isdecimal() and _is_ours(index.strip(), uuid.strip())
    )


def _is_ours(index: str, uuid: str) -> bool:
    """Return whether a GPU is among those that CUDA_VISIBLE_DEVICES leaves to this worker."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return True
    names = [name.strip() for name in visible.split(",")]
    return index in names or any(name and uuid.startswith(name) for name in names)


def capabilities(sandbox: str) -> Capabilities:
    """Return what the site should know of this machine."""
    return Capabilities(
        gpus=find_gpus(),
        cpu_count=len(os.sched_getaffinity(0)),
        memory_bytes=total_memory(),
        sandbox=sandbox,
    )
