"""The one door for calls to other servers: webhooks, imports, whatever address a user gave.

A name is resolved once, every address it has must be a public one, and the connection goes to
exactly the address that was checked: a second answer of the name server changes nothing. Each
redirect passes the same gate. The operator may open it for servers of their own network with
`TUNINGFORK_OUTBOUND_ALLOW`.
"""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast

import httpcore
import httpx
import structlog

from app.core.errors import AppError, InvalidError
from app.core.i18n import _
from app.core.settings import Settings

log = structlog.get_logger(__name__)

MAX_REDIRECTS = 3
_PORTS = {80, 443}
# Addresses that carry an IPv4 address inside, which may lead anywhere.
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


class OutboundError(AppError):
    """Another server could not be asked; the message never tells more than that."""

    status = HTTPStatus.BAD_GATEWAY
    code = "outbound_failed"


@dataclass(frozen=True)
class Fetched:
    """A small answer, read whole; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def refused() -> InvalidError:
    """Return the answer to an address that the site may not call."""
    return InvalidError(
        _("The site may not call this address."),
        fix=_("Use a public http or https address, or ask the administrator to allow it."),
        code="outbound_refused",
    )


def _unreachable() -> OutboundError:
    return OutboundError(
        _("The other server did not answer as it should."),
        fix=_("Check the address and try again later."),
    )


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the open internet, whatever it may hold inside."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _TRANSLATED or ip.teredo is not None or ip.sixtofour is not None:
            return False
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
    return ip.is_global and not ip.is_multicast


def _allowed(settings: Settings) -> frozenset[str]:
    words = settings.outbound_allow.lower().split(",")
    return frozenset(word.strip() for word in words if word.strip())


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to checked addresses only."""

    def __init__(self, allowed: frozenset[str]) -> None:
        self._allowed = allowed
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # the signature of the library
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of `host`, all of them being public or allowed."""
        addresses = await _resolve(host, port)
        if not self._allowed & {host.lower(), f"{host.lower()}:{port}"} and (
            port not in _PORTS or not all(is_public(address) for address in addresses)
        ):
            raise refused()
        return await self._inner.connect_tcp(
            addresses[0], port, timeout, local_address, socket_options
        )

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109  # the signature of the library
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: no address of a user leads into this machine."""
        del path, timeout, socket_options
        raise refused()

    async def sleep(self, seconds: float) -> None:
        """Wait, between tries to connect."""
        await asyncio.sleep(seconds)


async def _resolve(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    # An address may carry a zone (fe80::1%eth0), which the check does not read.
    return [str(address[0]).partition("%")[0] for *_kind, address in found]


class _GuardedTransport(httpx.AsyncBaseTransport):
    """Joins httpx with the guarded connections; both libraries' public parts only."""

    def __init__(self, allowed: frozenset[str]) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            network_backend=_GuardedBackend(allowed),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; a redirect comes here again."""
        _check_url(request.url)
        answer = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=cast("AsyncIterator[bytes]", request.stream),
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer), request=request
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._answer.aiter_stream():
            yield part

    async def aclose(self) -> None:
        await self._answer.aclose()


def _check_url(url: httpx.URL) -> None:
    # Port 0 would be read as "the usual one" further down.
    if url.scheme not in {"http", "https"} or url.userinfo or not url.host or url.port == 0:
        raise refused()


@asynccontextmanager
async def safe_stream(  # noqa: PLR0913  # what a request is made of
    settings: Settings,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    timeout_s: float = 10.0,
    follow_redirects: bool = True,
) -> AsyncIterator[httpx.Response]:
    """Call another server and give its answer, the body to be read as it comes.

    `timeout_s` bounds connecting and every wait for more bytes, not the whole answer. An
    `Authorization` in `headers` is not sent on when a redirect leads to another server; whoever
    sends another secret does without redirects.

    Raises:
        InvalidError: the address, or one that it redirects to, is not one the site may call.
        OutboundError: the server does not answer, or redirects too often.
    """
    client = httpx.AsyncClient(
        transport=_GuardedTransport(_allowed(settings)),
        follow_redirects=follow_redirects,
        max_redirects=MAX_REDIRECTS,
        timeout=timeout_s,
        trust_env=False,
        headers={"User-Agent": "tuningfork", "Accept-Encoding": "identity"},
    )
    async with client:
        try:
            async with client.stream(method, url, headers=headers, content=content) as answer:
                yield answer
        except (httpx.HTTPError, httpx.InvalidURL, *_CORE_ERRORS) as error:
            log.info("outbound_failed", kind=type(error).__name__)
            raise _unreachable() from error


_CORE_ERRORS = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)


async def safe_fetch(  # noqa: PLR0913  # what a request is made of
    settings: Settings,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    timeout_s: float = 10.0,
    max_bytes: int = 1 << 20,
    follow_redirects: bool = True,
) -> Fetched:
    """Call another server and return its answer; the whole call takes at most `timeout_s`.

    Raises:
        InvalidError: the address is not one the site may call.
        OutboundError: no answer in time, or more than `max_bytes` of it.
    """
    body = bytearray()
    try:
        async with (
            asyncio.timeout(timeout_s),
            safe_stream(
                settings,
                method,
                url,
                headers=headers,
                content=content,
                timeout_s=timeout_s,
                follow_redirects=follow_redirects,
            ) as answer,
        ):
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > max_bytes:
                    raise _unreachable()
            return Fetched(answer.status_code, dict(answer.headers), bytes(body))
    except TimeoutError as error:
        raise _unreachable() from error
