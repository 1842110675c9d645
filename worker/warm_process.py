"""A process that has imported what runs need, and forks a child for each attempt it is told of.

Started by `worker.warm_engine` with one end of a socket as its standard input. It runs no attempt
itself and does nothing random or parallel, so a child begins as a cold process would after its
imports; the child fences itself in before it reads anything of its job.
"""

import contextlib
import gc
import json
import os
import socket
import sys
import tempfile
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from worker import launch

# In the order in which most runs want them; the last ones only runs on texts.
MODULES = (
    *("torch", "torchvision", "timm", "worker.attempt", "worker.tasks.image_classification"),
    *("torchmetrics", "transformers", "transformers.models.auto.modeling_auto"),
    *("transformers.models.auto.tokenization_auto", "transformers.models.bert.modeling_bert"),
    "peft",
)
# Given where a run goes on meanwhile.
GENTLY = "--gently"
MESSAGE_BYTES = 64 * 1024
_FIRST_FILE = 3
_MOST_FILES = 4096
# Two busy cores leave it a tenth: warm after a minute or two, hardly felt by a run.
_GENTLE = 10


def main() -> None:
    """Import, say so, then fork a child for each message until the worker is gone."""
    with socket.socket(fileno=os.dup(0)) as wire:
        began_at = time.monotonic()
        if GENTLY in sys.argv:
            _import_gently()
        else:
            _import_all()
        if not _may_fork():
            sys.stderr.write("An import has touched a GPU; a child could not use it.\n")
            return
        # What is imported stays as it is: children need no copies of its pages.
        gc.collect()
        gc.freeze()
        _tell(wire, ready=True, seconds=round(time.monotonic() - began_at, 2))
        while _serve_one(wire):
            pass


def _may_fork() -> bool:
    """Whether a child could use a GPU: CUDA does not survive a fork once it has begun."""
    child = os.fork()
    if child == 0:
        torch: Any = sys.modules["torch"]
        os._exit(int(torch.cuda._is_in_bad_fork()))  # noqa: SLF001 - torch tells it nowhere else
    return os.waitpid(child, 0)[1] == 0


def _import_gently() -> None:
    """Import in a thread of low priority: only a thread can have one and be rid of it."""
    thread = threading.Thread(target=_import_slowly, name="importing")
    _be_gentle(_GENTLE)
    thread.start()
    thread.join()
    _be_gentle(0)


def _be_gentle(nice: int) -> None:
    # Where the kernel groups processes by session, only this number of the group counts.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(nice), encoding="ascii")


def _import_slowly() -> None:
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _GENTLE)
    _import_all()


def _import_all() -> None:
    for name in MODULES:
        # What is not installed here no run on this machine can need.
        with contextlib.suppress(ModuleNotFoundError):
            import_module(name)


def _tell(wire: socket.socket, **values: object) -> None:
    wire.send(json.dumps(values).encode())


def _serve_one(wire: socket.socket) -> bool:
    """Run what the next message asks for and tell how it ended; False when nobody asks any more."""
    message, files, _flags, _address = socket.recv_fds(wire, MESSAGE_BYTES, 1)
    if not message:
        return False
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _become(json.loads(message), files[0], parent)
    for file in files:
        os.close(file)
    _tell(wire, started=child)
    _, status = os.waitpid(child, 0)
    _tell(wire, ended=child, status=os.waitstatus_to_exitcode(status))
    return True


def _become(asked: dict[str, Any], output: int, parent: int) -> None:
    """Be what a cold start would be: own session, own files, own environment, behind the fences."""
    status = 1
    try:
        os.setsid()
        _take_files(output)
        os.environ.clear()
        os.environ.update(asked["environment"])
        os.chdir(asked["folder"])
        tempfile.tempdir = None
        launch.fence_in({**asked["fence"], "parent": parent})
        _take_threads()
        status = _run(Path(asked["job"]))
    finally:
        # An exception has been printed by now or is printed here; nothing may go back to the loop.
        if error := sys.exception():
            sys.excepthook(type(error), error, error.__traceback__)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _take_threads() -> None:
    """Compute in as many threads as the environment says; torch read it before the fork.

    A fork leaves torch a pool without threads, which it makes anew when it is next asked for: two
    threads that ask at once, such as those that decode pictures, find none ("Invalid thread
    pool"). So this one asks, behind the last fork (the fences make one) and alone.
    """
    import torch

    wanted = os.environ.get("OMP_NUM_THREADS", "")
    torch.set_num_threads(int(wanted) if wanted.isdecimal() else torch.get_num_threads())


def _take_files(output: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.closerange(_FIRST_FILE, _MOST_FILES)


def _run(job: Path) -> int:
    from worker.attempt import run_attempt

    return run_attempt(job)


if __name__ == "__main__":
    main()
