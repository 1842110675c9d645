"""How long answers take, by route: counted in memory, read by whoever watches the process.

Measured until an answer begins, so that a long download or an open stream counts as what its reader
waited for. A label is a route's template, never an address, or there would be one for every file.
"""

import time
from collections import defaultdict
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
NO_ROUTE = "none"
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_TEMPLATE = "metrics.template"


@dataclass
class Times:
    """The answers of one kind: how many took at most each bound, how many in all, how long."""

    at_most: list[int] = field(default_factory=lambda: [0] * len(BOUNDS_S))
    count: int = 0
    total_s: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one answer."""
        self.count += 1
        self.total_s += seconds
        for place, bound in enumerate(BOUNDS_S):
            if seconds <= bound:
                self.at_most[place] += 1


class RequestTimes:
    """The answers of this process, by method, route and class of status."""

    def __init__(self) -> None:
        self.times: dict[tuple[str, str, str], Times] = defaultdict(Times)
        self.in_progress = 0
        self.streams = 0

    def add(self, method: str, template: str, status: int, seconds: float) -> None:
        """Count one answer."""
        known = method if method in _METHODS else "other"
        self.times[known, template, f"{status // 100}xx"].add(seconds)


class RequestTimesMiddleware:
    """Measures every request, those too that are refused before a route is found."""

    def __init__(self, app: ASGIApp, times: RequestTimes) -> None:
        self._app = app
        self._times = times

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on and measure until the answer begins."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, times, is_stream = time.perf_counter(), self._times, False
        state = scope.setdefault("state", {})

        async def send_measured(message: Message) -> None:
            nonlocal is_stream
            if message["type"] == "http.response.start":
                template = state.get(_TEMPLATE, NO_ROUTE)
                seconds = time.perf_counter() - began
                times.add(scope["method"], template, message["status"], seconds)
                kind = Headers(raw=message.get("headers", [])).get("content-type", "")
                is_stream = kind.startswith("text/event-stream")
                times.streams += is_stream
            await send(message)

        times.in_progress += 1
        try:
            await self._app(scope, receive, send_measured)
        finally:
            times.in_progress -= 1
            times.streams -= is_stream


class NoteRouteMiddleware:
    """Stands right before the router and notes which route it chose, once an answer begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; the router writes into the scope that it is given."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                template = getattr(scope.get("route"), "path", None)
                if template:
                    scope["state"][_TEMPLATE] = template
            await send(message)

        await self._app(scope, receive, send_noted)
