"""One of several processes of a run: it joins the others, does its share, and says how it ended."""

import ctypes
import os
import signal
import sys
import traceback
from datetime import timedelta
from pathlib import Path

import torch
from torch import distributed

from worker.attempt import StopSignal
from worker.contract.attempt import EXIT_FAILED, EXIT_OK, EXIT_STOPPED, FAILURE_FILE
from worker.contract.failures import Failure, FailureCode, RunError
from worker.contract.run_events import RunEvent
from worker.distributed.job import (
    EVENTS_FILE,
    EXIT_LOST,
    EXIT_MEMORY,
    JOB_FILE,
    LOG_FILE,
    MEETING_FILE,
    RUNG_FILE,
    ProcessJob,
)
from worker.engine import run_member
from worker.training.loop import StoppedError
from worker.training.memory import RungError

_PR_SET_PDEATHSIG = 1
# How gloo and NCCL say that another process is gone; they have no error class for it.
_LOST = ("gloo", "Connection closed by peer", "Connection reset by peer", "NCCL")


def main(folder: Path) -> int:
    """Run one process of the job in a folder and return its exit code.

    Its number and theirs are in RANK and WORLD_SIZE, as torchrun names them.
    """
    _die_with_parent()
    stop = StopSignal()
    stop.catch()
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    own = folder / str(rank)
    own.mkdir(parents=True, exist_ok=True)
    _keep_output(own / LOG_FILE)
    job = ProcessJob.model_validate_json((folder / JOB_FILE).read_text(encoding="utf-8"))
    try:
        _join(folder, rank, world)
        with (folder / EVENTS_FILE).open("a", encoding="utf-8") as file:

            def tell(event: RunEvent) -> None:
                if rank == 0:
                    file.write(event.model_dump_json() + "\n")
                    file.flush()

            run_member(job, tell, stop)
    except StoppedError:
        return EXIT_STOPPED
    except RungError as error:
        (own / RUNG_FILE).write_text(error.rung.model_dump_json(), encoding="utf-8")
        return EXIT_MEMORY
    except RunError as error:
        return _fail(own, error.failure())
    except Exception as error:  # noqa: BLE001 - the outer boundary of a process of a run
        os.write(2, traceback.format_exc().encode())
        if isinstance(error, RuntimeError) and any(word in str(error) for word in _LOST):
            return EXIT_LOST
        lines = traceback.format_exc().splitlines()
        return _fail(own, Failure.of(FailureCode.INTERNAL, lines[-1], tuple(lines)))
    return EXIT_OK


def _die_with_parent() -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def _keep_output(path: Path) -> None:
    """Send what this process and its libraries print to a file, for the case that it dies."""
    with path.open("wb") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)


def _join(folder: Path, rank: int, world: int) -> None:
    """Meet the others through a file; no port is opened for it."""
    has_gpus = torch.cuda.is_available() and torch.cuda.device_count() >= world
    if has_gpus:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if has_gpus else "gloo",
        # Who is gone is noticed by whoever started us; who is slow may take its time.
        timeout=timedelta(days=1),
        init_method=f"file://{folder / MEETING_FILE}",
        rank=rank,
        world_size=world,
    )


def _fail(own: Path, failure: Failure) -> int:
    (own / FAILURE_FILE).write_text(failure.model_dump_json(), encoding="utf-8")
    os.write(2, f"{failure.code}: {failure.detail}\n".encode())
    return EXIT_FAILED


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit(): a process group that lost a member would wait for it at the end.
    os._exit(code)
