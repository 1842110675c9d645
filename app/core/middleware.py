"""What happens to every request before a route sees it: plain ASGI, so streams stay streams."""

import secrets
from collections.abc import Iterable
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import i18n
from app.core.paths import decode_raw_path

_SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}
_LOOPBACK = {"localhost", "127.0.0.1", "[::1]", "testserver"}
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:{files}; "
    "media-src 'self' blob:{files}; font-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class RawPathMiddleware:
    """Let routes match on the raw path, segment by segment (see `app.core.paths`)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Rewrite the path and pass on."""
        if scope["type"] == "http" and scope.get("raw_path"):
            scope = {**scope, "path": decode_raw_path(scope["raw_path"])}
        await self._app(scope, receive, send)


class GuardMiddleware:
    """Refuse unknown hosts and cross-site writes before anything else looks at the request.

    The host check stops DNS rebinding against a site that binds loopback; the origin check stands
    in for form tokens: a browser always says where a write comes from.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = _LOOPBACK | {host.lower() for host in allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 400 or 403."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not self._host_allowed(headers):
            await _refuse(400, "This host name is not served here.")(scope, receive, send)
        elif _has_nul(scope):
            await _refuse(400, "An address holds no NUL character.")(scope, receive, send)
        elif scope["method"] not in _SAFE_METHODS and _is_cross_site(headers):
            await _refuse(403, "This write came from another site.")(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _host_allowed(self, headers: Headers) -> bool:
        if len(headers.getlist("host")) != 1:
            return False
        host = headers["host"].lower()
        name = host if host.endswith("]") else host.rsplit(":", 1)[0] if ":" in host else host
        return "*" in self._hosts or name in self._hosts


def _has_nul(scope: Scope) -> bool:
    """Whether the address has a character that neither a name nor a column of text can hold."""
    address: bytes = scope.get("raw_path", b"") + scope.get("query_string", b"")
    return b"%00" in address or b"\0" in address


def _is_cross_site(headers: Headers) -> bool:
    if origin := headers.get("origin"):
        return urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    return "session" in cookie_parser(headers.get("cookie", "")) and "text/plain" in headers.get(
        "content-type", ""
    )


def _refuse(status: int, message: str) -> JSONResponse:
    headers = {"X-Error-Code": "refused", "X-Error-Message": message}
    return JSONResponse({"error": message, "code": "refused"}, status, headers)


class ContextMiddleware:
    """Give the request an id and a language, and the answer its security headers.

    Pictures and sounds may come from `files_origin`, where the site sends readers of big files.
    """

    def __init__(self, app: ASGIApp, files_origin: str = "") -> None:
        self._app = app
        policy = _POLICY.format(files=f" {files_origin}" if files_origin else "")
        self._headers = {"Content-Security-Policy": policy, **_SECURITY_HEADERS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Bind the context, pass on, and add headers to the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        i18n.set_language(_language(scope, headers))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                out["X-Request-Id"] = request_id
                for name, value in self._headers.items():
                    out.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-amzn-trace-id") or headers.get("x-request-id") or ""
    if given.isascii() and given.isprintable() and 0 < len(given) <= 100:  # noqa: PLR2004  # room for any tracer's id
        return given
    return secrets.token_hex(8)


def _language(scope: Scope, headers: Headers) -> str:
    query: str = scope.get("query_string", b"").decode("latin-1")
    for pair in query.split("&"):
        if pair.startswith("lang=") and pair[5:] in i18n.LANGUAGES:
            return pair[5:]
    chosen = cookie_parser(headers.get("cookie", "")).get("lang", "")
    return (
        chosen if chosen in i18n.LANGUAGES else i18n.negotiate(headers.get("accept-language", ""))
    )
