"""How many requests somebody may send in five minutes, said on every answer.

Counted in this process, so that a request costs no round trip; the processes of a site tell each
other through Valkey every few seconds, if there is one. A bucket may so be passed by what the
other processes let through in that time, never by more.

The headers are those of the IETF draft as Hugging Face sends them: its clients read from them
how long to wait.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog
from redis import asyncio as valkey
from redis.exceptions import RedisError
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request, cookie_parser
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import i18n
from app.core.i18n import _
from app.core.rate_limit import address_of
from app.core.settings import Settings

log = structlog.get_logger(__name__)

WINDOW_S = 300
# So many callers are remembered; whoever called longest ago is forgotten first.
_MOST_CALLERS = 20_000
_TELL_EVERY_S = 2.0
_SITES_OWN = ("/static/", "/healthz", "/readyz", "/api/v1/worker", "/api/v1/attempts")
_SUBMITS = ("/api/v1/jobs", "/api/v1/sweeps", "/fine-tune", "/sweeps")


@dataclass
class Bucket:
    """What somebody used of one kind of request; `told` of it the other processes know."""

    used: int = 0
    told: int = 0
    elsewhere: int = 0

    @property
    def total(self) -> int:
        """What was used in all, as far as is known here."""
        return self.used + self.elsewhere


@dataclass
class Buckets:
    """Everybody's buckets of the window that runs."""

    window: int = 0
    by_key: OrderedDict[str, Bucket] = field(default_factory=OrderedDict)
    # Credentials that were found to be good, and whose they are.
    known: OrderedDict[bytes, str] = field(default_factory=OrderedDict)

    def take(self, key: str, most: int, moment: float) -> Bucket:
        """Count a request in and return the bucket; a full one stays as it is."""
        window = int(moment // WINDOW_S)
        if window != self.window:
            self.window = window
            self.by_key.clear()
        bucket = self.by_key.get(key)
        if bucket is None:
            bucket = self.by_key[key] = Bucket()
            if len(self.by_key) > _MOST_CALLERS:
                self.by_key.popitem(last=False)
        else:
            self.by_key.move_to_end(key)
        if bucket.total <= most:
            bucket.used += 1
        return bucket

    def remember(self, credential: bytes, subject: str) -> None:
        """Count what comes with this credential as its owner's from now on."""
        self.known[credential] = subject
        if len(self.known) > _MOST_CALLERS:
            self.known.popitem(last=False)


def bucket_of(scope: Scope) -> str:
    """Return which bucket a request is counted in: api, resolvers, pages, jobs, or none."""
    path: str = scope["path"]
    if path.startswith(_SITES_OWN):
        return ""
    if scope["method"] == "POST" and path in _SUBMITS:
        return "jobs"
    if "/resolve/" in path or ".git/" in path or path.startswith(("/xet/", "/lfs/")):
        return "resolvers"
    return "api" if path.startswith(("/api/", "/oauth/", "/v1/")) else "pages"


class RequestLimitMiddleware:
    """Count each request, say how many are left, and refuse those beyond."""

    def __init__(self, app: ASGIApp, buckets: Buckets) -> None:
        self._app = app
        self._buckets = buckets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the headers, or answer 429."""
        name = bucket_of(scope) if scope["type"] == "http" else ""
        if not name:
            await self._app(scope, receive, send)
            return
        credential = _credential(scope)
        subject = self._buckets.known.get(credential, "") if credential else ""
        most = _most(scope["app"].state.settings, name, is_known=bool(subject))
        if most == 0:
            await self._app(scope, receive, send)
            return
        moment = time.time()
        key = f"{name}:{subject or address_of(Request(scope))}"
        bucket = self._buckets.take(key, most, moment)
        left_s = int(WINDOW_S - moment % WINDOW_S) + 1
        headers = _headers(name, most, max(most - bucket.total, 0), left_s)
        if bucket.total > most:
            await _refused(headers, left_s)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
                self._note(scope, credential)
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _note(self, scope: Scope, credential: bytes | None) -> None:
        """Remember whose a credential is once the request has shown it; wrong ones never count."""
        viewer = scope.get("state", {}).get("viewer")
        if credential is not None and viewer is not None and viewer.user_id is not None:
            self._buckets.remember(credential, f"user {viewer.user_id}")


def _most(settings: Settings, name: str, *, is_known: bool) -> int:
    """Return how many requests of a bucket somebody may send; 0 is any number."""
    known, visitors = {
        "api": (settings.requests_api, settings.requests_api_visitor),
        "resolvers": (settings.requests_resolve, settings.requests_resolve_visitor),
        "pages": (settings.requests_pages, settings.requests_pages_visitor),
        "jobs": (settings.requests_jobs, settings.requests_jobs),
    }[name]
    return known if is_known else visitors


def _credential(scope: Scope) -> bytes | None:
    headers = Headers(scope=scope)
    shown = headers.get("authorization", "")
    if not shown:
        cookies = cookie_parser(headers.get("cookie", ""))
        shown = cookies.get("__Host-session") or cookies.get("session") or ""
    return hashlib.sha256(shown.encode()).digest() if shown else None


def _headers(name: str, most: int, left: int, left_s: int) -> dict[str, str]:
    return {
        "RateLimit": f'"{name}";r={left};t={left_s}',
        "RateLimit-Policy": f'"fixed window";"{name}";q={most};w={WINDOW_S}',
    }


def _refused(headers: Mapping[str, str], left_s: int) -> JSONResponse:
    message = _("So many requests in five minutes are too many.")
    fix = _("Try again in %(seconds)d seconds.") % {"seconds": left_s}
    body = {"error": message, "code": "rate_limited", "fix": fix}
    told = {
        **headers,
        "Retry-After": str(left_s),
        "X-Error-Code": "rate_limited",
        "X-Error-Message": "Too many requests.",
        "Content-Language": i18n.language(),
    }
    return JSONResponse(body, 429, told)


async def share(buckets: Buckets, broker_url: str) -> None:
    """Tell the other processes what was counted here, and hear what they counted, for ever.

    Without an answer each process counts alone.
    """
    if not broker_url:
        return
    client = valkey.from_url(broker_url, socket_timeout=2.0)
    while True:
        await asyncio.sleep(_TELL_EVERY_S)
        try:
            await exchange(buckets, client)
        except (RedisError, OSError) as error:
            log.debug("request_limits_not_shared", reason=type(error).__name__)


async def exchange(buckets: Buckets, client: "valkey.Redis") -> None:
    """Add what is new here to what all processes counted in this window, and read it back."""
    window = buckets.window
    fresh = [(key, one) for key, one in buckets.by_key.items() if one.used != one.told]
    if not fresh:
        return
    pipe = client.pipeline(transaction=False)
    added = []
    for key, one in fresh:
        name = "limits:" + hashlib.sha256(f"{window} {key}".encode()).hexdigest()
        added.append(one.used)
        pipe.incrby(name, one.used - one.told)
        pipe.expire(name, WINDOW_S)
    answers = await pipe.execute()
    for (_key, one), told, total in zip(fresh, added, answers[::2], strict=True):
        one.told = told
        one.elsewhere = max(int(total) - told, 0)
