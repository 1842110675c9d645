"""One attempt as a process: a job folder in, events and a result out, an exit code at the end."""

import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TextIO

import structlog

from worker.contract.attempt import (
    CACHE_FOLDER,
    EVENTS_FILE,
    EXIT_FAILED,
    EXIT_OK,
    EXIT_STOPPED,
    FAILURE_FILE,
    JOB_FILE,
    AttemptJob,
)
from worker.contract.failures import Failure, FailureCode, RunError
from worker.contract.rank import RankPlan, base_role
from worker.contract.run_events import LogWritten, RunEvent
from worker.engine import Places, run_plan
from worker.modeling.weights import WEIGHTS_FILE
from worker.places import BasePlace, RankPlaces
from worker.training.loop import StoppedError

log = structlog.get_logger()
_TAIL_LINES = 50


class StopSignal:
    """Becomes true when the process is asked to end; training then writes a checkpoint."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def should_stop(self) -> bool:
        """Return whether a signal came."""
        return self._asked.is_set()

    def catch(self) -> None:
        """Listen to SIGTERM and SIGINT from now on."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._asked.set()


class EventFile:
    """Appends events as JSON lines, each flushed at once, and remembers the last log lines."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)

    def __call__(self, event: RunEvent) -> None:
        self._file.write(event.model_dump_json() + "\n")
        self._file.flush()
        if isinstance(event, LogWritten):
            self.tail.extend(event.lines)


def run_attempt(folder: Path) -> int:
    """Run the attempt of a job folder and return the exit code of the process.

    A failure is written to `failure.json`. This is the outer boundary of a run: whatever goes
    wrong inside is told there and never lost.
    """
    stop = StopSignal()
    stop.catch()
    job = AttemptJob.model_validate_json((folder / JOB_FILE).read_text(encoding="utf-8"))
    with (folder / EVENTS_FILE).open("a", encoding="utf-8") as file:
        events = EventFile(file)
        try:
            _work(job, folder, events, stop)
        except StoppedError:
            return EXIT_STOPPED
        except RunError as error:
            return _fail(folder, error.failure(tuple(events.tail)))
        except Exception:
            lines = traceback.format_exc().splitlines()[-_TAIL_LINES:]
            log.exception("run_crashed")
            return _fail(folder, Failure.of(FailureCode.INTERNAL, lines[-1], tuple(lines)))
    return EXIT_OK


def _work(job: AttemptJob, folder: Path, events: EventFile, stop: StopSignal) -> None:
    """Do the work of a job; each kind of plan has an engine of its own."""
    inputs = {role: Path(place) for role, place in job.inputs.items()}
    if isinstance(job.plan, RankPlan):
        # Only those who rank pay for its modules.
        from worker.rank import run_ranking

        run_ranking(job.plan, _rank_places(job.plan, inputs, folder, _shelf(job)), events, stop)
        return
    resume = Path(job.resume_dir) if job.resume_dir else None
    places = replace(_places(inputs, folder), shelf=_shelf(job))
    run_plan(job.plan, places, events, stop, resume)


def _places(inputs: Mapping[str, Path], folder: Path) -> Places:
    base = inputs.get("base")
    return Places(
        # An agent has no data set.
        data=inputs.get("data", folder),
        out=folder,
        weights=base / WEIGHTS_FILE if base else None,
        test_data=inputs.get("test"),
        base=base,
        teacher=inputs["teacher"] / WEIGHTS_FILE if "teacher" in inputs else None,
    )


def _shelf(job: AttemptJob) -> Path | None:
    return Path(job.shelf_dir) if job.shelf_dir else None


def _rank_places(
    plan: RankPlan, inputs: Mapping[str, Path], folder: Path, shelf: Path | None
) -> RankPlaces:
    bases = [inputs.get(base_role(number)) for number in range(1, len(plan.candidates) + 1)]
    return RankPlaces(
        data=inputs["data"],
        bases=[BasePlace(base / WEIGHTS_FILE, base) if base else BasePlace() for base in bases],
        out=folder,
        cache=folder / CACHE_FOLDER,
        shelf=shelf,
    )


def _fail(folder: Path, failure: Failure) -> int:
    aside = folder / f".{FAILURE_FILE}.partial"
    aside.write_text(failure.model_dump_json(indent=1) + "\n", encoding="utf-8")
    aside.replace(folder / FAILURE_FILE)
    sys.stderr.write(f"{failure.code}: {failure.sentence} {failure.detail}\n")
    return EXIT_FAILED
