"""Telling what happens: numbering events, thinning the points of curves."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from pydantic import JsonValue

from worker.contract.run_events import RUN_EVENT, LogWritten, RunEvent, StepPoint, StepsReported

_FLUSH_S = 1.0
_POINT_S = 0.1
_MOST_POINTS = 100


class Control(Protocol):
    """How the outside reaches a run; asked at every step."""

    def should_stop(self) -> bool:
        """Return whether to write a checkpoint and end."""


class Forever:
    """A control that never stops."""

    def should_stop(self) -> bool:
        """Return False."""
        return False


EventSink = Callable[[RunEvent], None]


class Reporter:
    """Gives events their number and time, and hands them to a sink in order."""

    def __init__(self, sink: EventSink) -> None:
        self._sink = sink
        self._seq = 0
        self._points: list[StepPoint] = []
        self._stage = 0
        self._flushed = self._pointed = time.monotonic()

    def tell(self, kind: str, **values: object) -> None:
        """Send one event; the waiting points of the curves go before it."""
        self.flush()
        self._send(kind, values)

    def log(self, line: str) -> None:
        """Send one line for people."""
        self.tell(LogWritten.__name__, lines=(line,))

    def wants_point(self) -> bool:
        """Return whether enough time has passed for another point of the curves."""
        return time.monotonic() - self._pointed >= _POINT_S

    def point(self, stage: int, point: StepPoint) -> None:
        """Keep a point; about once a second they are sent together."""
        self._stage = stage
        self._points.append(point)
        self._pointed = time.monotonic()
        if self._pointed - self._flushed >= _FLUSH_S or len(self._points) >= _MOST_POINTS:
            self.flush()

    def flush(self) -> None:
        """Send the waiting points."""
        self._flushed = time.monotonic()
        if self._points:
            points, self._points = tuple(self._points), []
            self._send(StepsReported.__name__, {"stage": self._stage, "points": points})

    def _send(self, kind: str, values: dict[str, object]) -> None:
        self._seq += 1
        stamp: dict[str, JsonValue] = {"kind": kind, "seq": self._seq}
        event = RUN_EVENT.validate_python({**stamp, "time": datetime.now(UTC), **values})
        self._sink(event)
