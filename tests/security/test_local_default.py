"""What a page of another site, or a sender of broken messages, can do to a site on this machine."""

import asyncio
import contextlib

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.core.settings import Settings
from tests.conftest import Site

UNSAFE = ["POST", "PUT", "PATCH", "DELETE"]


async def say(site: Site, message: bytes) -> bytes:
    """Send bytes as they are and return everything that comes back."""
    host, port = site.socket.getsockname()
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(message)
        await writer.drain()
        return await asyncio.wait_for(reader.read(), 20)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@pytest.mark.parametrize("method", UNSAFE)
async def test_no_unsafe_method_is_open_to_another_site(
    client: httpx.AsyncClient, method: str
) -> None:
    answer = await client.request(
        method, "/api/repos/delete", headers={"Origin": "http://evil.example"}, json={}
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost@evil"])
async def test_a_name_that_leads_here_by_another_server_is_not_served(
    client: httpx.AsyncClient, host: str
) -> None:
    assert (await client.get("/", headers={"Host": host})).status_code == 400


async def test_no_answer_invites_other_sites_to_read(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/models", headers={"Origin": "http://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_there_is_no_account_before_somebody_makes_one(client: httpx.AsyncClient) -> None:
    for name, password in (("admin", "admin"), ("tuningfork", "tuningfork"), ("root", "")):
        answer = await client.post("/login", data={"name": name, "password": password})
        assert "set-cookie" not in answer.headers or "session" not in answer.headers["set-cookie"]


def test_the_site_binds_this_machine_alone_unless_told_otherwise() -> None:
    assert Settings().host == "127.0.0.1"


_HEAD = b"POST /api/validate-yaml HTTP/1.1\r\nHost: 127.0.0.1\r\n"
BROKEN = {
    "two lengths": _HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunks": _HEAD
    + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a length that is no number": _HEAD + b"Content-Length: 2x\r\n\r\n{}",
    "a negative length": _HEAD + b"Content-Length: -2\r\n\r\n{}",
    "a chunk size that is no number": _HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
    "a header on two lines": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: 1\r\n Host: evil\r\n\r\n",
    "a lone carriage return": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: 1\rX-B: 2\r\n\r\n",
    "a blank in a header's name": b"GET / HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_message_that_two_readers_could_read_differently_is_refused(
    site: Site, kind: str
) -> None:
    answer = await say(site, BROKEN[kind])
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")


def test_every_route_that_writes_is_behind_the_origin_check(app: FastAPI) -> None:
    """The check stands before routing, so no route can be left out of it."""
    names = [middleware.cls.__name__ for middleware in app.user_middleware]
    assert names.index("GuardMiddleware") < names.index("RawPathMiddleware")
    assert any(isinstance(route, APIRoute) or route for route in app.routes)
