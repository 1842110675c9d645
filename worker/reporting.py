"""Sends what an attempt tells to the site: in order, each event once, through every outage.

The engine appends its events to a file. That file is the spool: while the site is away nothing is
read from it beyond what waits in memory, so nothing is lost and memory stays bounded.
"""

import json
import os
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import structlog
from pydantic import JsonValue

from worker.contract.protocol import MAX_EVENTS_PER_BATCH
from worker.lease import Order
from worker.redaction import redact
from worker.site_client import AttemptClient, RefusedError, StaleAttemptError, UnreachableError

log = structlog.get_logger(__name__)

Event = dict[str, JsonValue]
_READ_AHEAD = 10_000
_LONGEST_LINE = 4 * 1024 * 1024
_PERIOD_S = 0.5
_LONGEST_PAUSE_S = 10.0


class EventFile:
    """Reads the lines that were added to a file since the last call; half a line waits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def read(self, limit: int) -> list[Event]:
        """Return at most `limit` further events; a line that is no JSON object is left out."""
        found: list[Event] = []
        try:
            opened = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            return found  # not begun yet, or not a plain file
        with os.fdopen(opened, "rb") as stream:
            stream.seek(self._offset)
            while len(found) < limit:
                line = stream.readline(_LONGEST_LINE)
                if not line.endswith(b"\n") and len(line) < _LONGEST_LINE:
                    break
                self._offset += len(line)
                if (event := _parse(line)) is not None:
                    found.append(event)
        return found


def _parse(line: bytes) -> Event | None:
    try:
        event = json.loads(line)
    except ValueError:
        log.warning("event_unreadable", size_bytes=len(line))
        return None
    return event if isinstance(event, dict) else None


class Reporter:
    """Numbers the events of an attempt and sends them from a thread of its own until closed.

    `seen` is called once with each event of the engine, in order, before it is sent.
    """

    def __init__(
        self,
        client: AttemptClient,
        events_file: Path,
        seen: Callable[[Event], None],
        order: Callable[[Order], None],
    ) -> None:
        self._client = client
        self._file = EventFile(events_file)
        self._seen = seen
        self._order = order
        self._waiting: deque[Event] = deque()
        self._next_seq = 1
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._empty = threading.Event()
        self._thread = threading.Thread(target=self._report, name="reporter", daemon=True)

    def start(self) -> "Reporter":
        """Begin to send."""
        self._thread.start()
        return self

    def say(self, *lines: str) -> None:
        """Add log lines of the worker itself."""
        self._add({"schema_version": 1, "kind": "LogWritten", "lines": [redact(x) for x in lines]})

    def flush(self, timeout_s: float) -> bool:
        """Send everything that the engine has written by now; False when time ran out."""
        self._read()
        self._empty.clear()
        self._wake.set()
        return self._empty.wait(timeout_s)

    def close(self) -> None:
        """Send no more."""
        self._closed.set()
        self._wake.set()
        self._thread.join(timeout=1.0)

    def _add(self, event: Event) -> None:
        with self._lock:
            now = datetime.now(UTC).isoformat()
            self._waiting.append({"time": now, **event, "seq": self._next_seq})
            self._next_seq += 1

    def _read(self) -> None:
        with self._reading:
            for event in self._file.read(_READ_AHEAD - len(self._waiting)):
                self._seen(event)
                self._add(event)

    def _report(self) -> None:
        pause_s = _PERIOD_S
        while not self._closed.is_set():
            self._wake.wait(pause_s)
            self._wake.clear()
            self._read()
            try:
                self._send_all()
            except UnreachableError as error:
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
                log.warning("events_wait", waiting=len(self._waiting), reason=str(error))
            except StaleAttemptError:
                self._order(Order.STALE)
                return
            else:
                pause_s = _PERIOD_S
                if not self._waiting:
                    self._empty.set()

    def _send_all(self) -> None:
        while self._waiting and not self._closed.is_set():
            batch = tuple(list(self._waiting)[:MAX_EVENTS_PER_BATCH])
            try:
                reply = self._client.events(batch)
            except RefusedError as error:
                # The same batch would be refused for ever and hold up everything behind it.
                log.error("events_refused", count=len(batch), reason=str(error))  # noqa: TRY400
            else:
                if reply.cancel_requested:
                    self._order(Order.CANCEL)
            for _ in batch:
                self._waiting.popleft()
            self._read()
