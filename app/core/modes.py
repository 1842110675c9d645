"""The modes of the whole site, kept to before a route sees the request.

While the site may only be read, every method that changes something is refused, except what people
need to come in and look after the site, what only reads although it is a POST, and what workers say
of runs that are under way: those end in order, and no new one begins. While it is being worked on,
everybody but its administrators gets one page.
"""

import re

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.errors import AppError, UnavailableError
from app.core.http import identify
from app.core.runtime import Mode, Runtime
from app.core.runtime.state import maintenance_error, read_only_error
from app.core.web_errors import answer

_SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}
_ENTRANCE = (
    "/login",
    "/logout",
    "/confirm",
    "/preferences",
    "/admin",
    "/api/v1/admin",
    "/announcements",
)
_CARE = ("/static/", "/healthz", "/readyz", "/version", "/metrics")
_RUNS = re.compile(r"/api/v1/worker/(register$|claim$|jobs/)")
_READS = re.compile(
    r"/git-upload-pack$|/info/lfs/objects/batch$|/paths-info/|^/api/validate-yaml$"
    r"|^/v1/telemetry$|^/search"
)


class ModeMiddleware:
    """Refuse what the mode of the site does not allow; 503 with a time to come back."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 503."""
        refusal = await _refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
            return
        response = answer(Request(scope), refusal.status, refusal.body())
        response.headers.update(refusal.headers)
        await response(scope, receive, send)


async def _refusal(scope: Scope) -> UnavailableError | None:
    runtime: Runtime = scope["app"].state.runtime
    if not runtime.modes:
        return None
    path: str = scope["path"]
    if _is_entrance(path) or path.startswith(_CARE) or _RUNS.match(path):
        return None
    if runtime.is_on(Mode.MAINTENANCE) and not await _administers(scope):
        return maintenance_error()
    is_write = scope["method"] not in _SAFE and not _READS.search(path)
    return read_only_error() if is_write and runtime.is_on(Mode.READ_ONLY) else None


def _is_entrance(path: str) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in _ENTRANCE)


async def _administers(scope: Scope) -> bool:
    request = Request(scope)
    try:
        async with scope["app"].state.database.transaction() as db:
            return (await identify(request, db)).is_admin
    except AppError:
        return False
