"""Showing a run on a terminal: one line for each epoch, and a bar that moves with the steps."""

import sys
import time
from typing import TextIO

from worker.contract.run_events import (
    CandidateMeasured,
    DataLoaded,
    EpochFinished,
    LogWritten,
    RunEvent,
    RunFinished,
    RunStarted,
    StageFinished,
    StageStarted,
    StepsReported,
)
from worker.contract.tasks import MEASURES

_BAR = 24


class Terminal:
    """Turns events into lines; the moving bar is drawn only on a real terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._moves = self._stream.isatty()
        self._stage: StageStarted | None = None
        self._first_step = 0
        self._began = time.monotonic()

    def __call__(self, event: RunEvent) -> None:
        if isinstance(event, StepsReported):
            self._bar(event)
            return
        if isinstance(event, StageStarted):
            self._stage = event
        line = self._line(event)
        if line:
            self._clear()
            self._stream.write(line + "\n")
            self._stream.flush()
        if isinstance(event, EpochFinished):
            self._first_step = event.step

    def _line(self, event: RunEvent) -> str:
        match event:
            case RunStarted():
                return f"plan {event.plan_hash[:12]} on {event.device}"
            case DataLoaded():
                sizes = ", ".join(f"{count} {name}" for name, count in event.sizes.items())
                return f"data  {len(event.classes)} classes: {sizes}  ({event.seconds:.1f} s)"
            case RunFinished():
                headline = _measured(event.metric, event.value)
                return f"{event.split} {headline} in {event.seconds:.1f} s"
            case LogWritten():
                return "\n".join(event.lines)
            case _:
                return _stage_line(event)

    def _bar(self, event: StepsReported) -> None:
        if not self._moves or self._stage is None:
            return
        point = event.points[-1]
        done = min(1.0, (point.step - self._first_step) / self._stage.steps_per_epoch)
        bar = "█" * round(done * _BAR)
        self._stream.write(
            f"\r  [{bar:<{_BAR}}] loss {point.loss:.4f}  {point.samples_per_s:.0f} samples/s "
        )
        self._stream.flush()

    def _clear(self) -> None:
        if self._moves:
            self._stream.write("\r\x1b[2K")


def _measured(metric: str, value: float) -> str:
    return f"{metric} {value:.2%}" if MEASURES[metric].is_share else f"{metric} {value:.4g}"


def _candidate_line(event: CandidateMeasured) -> str:
    item = event.candidate
    told = f"probe {item.probe.value:.1%}" if item.probe else "not measured"
    seconds = item.feature_seconds + item.score_seconds
    return f"  {event.done}/{event.total} {item.repo} ({item.weights}): {told}, {seconds:.1f} s"


def _stage_line(event: RunEvent) -> str:
    match event:
        case CandidateMeasured():
            return _candidate_line(event)
        case StageStarted():
            cached = ", features cached" if event.cached else ""
            return f"stage {event.index} {event.name}: trains {event.trainable_count:,}{cached}"
        case EpochFinished():
            best = " *" if event.is_best else ""
            return (
                f"  epoch {event.epoch:3d}  loss {event.train_loss:.4f}  "
                f"validation {event.validation_loss:.4f}  "
                f"{_measured(event.metric, event.validation_value)}  {event.seconds:.1f} s{best}"
            )
        case StageFinished():
            back = f", back to epoch {event.restored_epoch}" if event.restored_epoch else ""
            return f"  {event.reason.replace('_', ' ')}{back}, {event.samples_per_s:.0f} samples/s"
        case _:
            return ""
