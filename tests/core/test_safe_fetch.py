"""Calls to other servers: what is refused, what is pinned, what is told."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from app.core.errors import InvalidError
from app.core.safe_fetch import OutboundError, is_public, safe_fetch
from app.core.settings import Settings

PRIVATE = [
    "http://127.0.0.1/", "http://127.1/", "http://0x7f000001/", "http://2130706433/",
    "http://0177.0.0.1/", "http://0.0.0.0/", "http://10.0.0.1/", "http://172.16.0.1/",
    "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/", "http://100.64.0.1/",
    "http://224.0.0.1/", "http://255.255.255.255/", "http://[::1]/", "http://[::]/",
    "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[fe80::1]/",
    "http://[fc00::1]/", "http://[fd00::1]/", "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/", "http://[2001:0:7f00:1::]/", "http://[ff02::1]/",
    "http://localhost/", "http://LOCALHOST/", "http://localhost./",
]  # fmt: skip
ODD = [
    "http://user@example.com/", "http://user:pass@127.0.0.1/", "ftp://example.com/",
    "file:///etc/passwd", "gopher://127.0.0.1/", "//127.0.0.1/", "http:///", "http://1.1.1.1:22/",
    "https://1.1.1.1:8443/", "http://1.1.1.1:0/",
]  # fmt: skip
Reply = Callable[[bytes], bytes]


def answer(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def listening(reply: Reply) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server on loopback; yields its port and the requests that reached it."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(reply(seen[-1]))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], seen


def allowing(*places: str) -> Settings:
    return Settings(outbound_allow=",".join(places))


@pytest.mark.parametrize("url", [*PRIVATE, *ODD])
async def test_an_address_that_is_not_a_public_web_server_is_refused(url: str) -> None:
    with pytest.raises((InvalidError, OutboundError)):
        await safe_fetch(Settings(), "GET", url)


async def test_no_packet_reaches_a_private_server() -> None:
    async with listening(lambda _: answer("200 OK")) as (port, seen):
        with pytest.raises(InvalidError):
            await safe_fetch(Settings(), "GET", f"http://127.0.0.1:{port}/")
    assert seen == []


async def test_a_server_the_operator_allowed_is_called() -> None:
    async with listening(lambda _: answer("200 OK", body=b"hello")) as (port, _seen):
        got = await safe_fetch(allowing(f"127.0.0.1:{port}"), "GET", f"http://127.0.0.1:{port}/")
    assert (got.status, got.body) == (200, b"hello")


async def test_a_redirect_to_a_private_server_is_refused() -> None:
    async with listening(lambda _: answer("200 OK")) as (inner, seen):
        target = f"Location: http://127.0.0.1:{inner}/"
        async with listening(lambda _: answer("302 Found", target)) as (port, _):
            with pytest.raises(InvalidError):
                await safe_fetch(allowing(f"127.0.0.1:{port}"), "GET", f"http://127.0.0.1:{port}/")
    assert seen == []


async def test_a_redirect_to_another_server_does_not_carry_the_credential() -> None:
    async with listening(lambda _: answer("200 OK")) as (inner, seen):
        target = f"Location: http://localhost:{inner}/"
        async with listening(lambda _: answer("302 Found", target)) as (port, _):
            settings = allowing(f"127.0.0.1:{port}", f"localhost:{inner}")
            url = f"http://127.0.0.1:{port}/"
            await safe_fetch(settings, "GET", url, headers={"Authorization": "Bearer secret"})
    assert b"secret" not in seen[0]


async def test_more_than_three_redirects_are_too_many() -> None:
    async with listening(lambda _: answer("302 Found", "Location: /")) as (port, seen):
        with pytest.raises(OutboundError):
            await safe_fetch(allowing("127.0.0.1"), "GET", f"http://127.0.0.1:{port}/")
    assert len(seen) == 4


async def test_the_name_is_looked_up_once_and_the_checked_address_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([["93.184.216.34", "127.0.0.1"], ["127.0.0.1"]])

    async def resolve(_self: object, _host: str, port: int, **_: object) -> list[object]:
        return [(0, 0, 0, "", (address, port)) for address in next(answers)]

    monkeypatch.setattr(asyncio.get_running_loop().__class__, "getaddrinfo", resolve)
    with pytest.raises(InvalidError):
        await safe_fetch(Settings(), "GET", "http://rebinding.example/")


async def test_a_name_server_that_changes_its_mind_is_asked_only_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between the look at the address and the call nothing is looked up again."""
    asked: list[str] = []

    async def resolve(_self: object, host: str, port: int, **_: object) -> list[object]:
        asked.append(host)
        # Later answers name this machine by another address, on which nobody listens.
        address = "127.0.0.1" if len(asked) == 1 else "127.0.0.77"
        return [(0, 0, 0, "", (address, port))]

    async with listening(lambda _: answer("200 OK", body=b"first")) as (port, seen):
        monkeypatch.setattr(asyncio.get_running_loop().__class__, "getaddrinfo", resolve)
        place = f"rebinding.example:{port}"
        got = await safe_fetch(allowing(place), "GET", f"http://{place}/")
    assert got.body == b"first"
    assert asked == ["rebinding.example"]
    assert f"Host: {place}".lower().encode() in seen[0].lower()


async def test_an_open_and_a_closed_port_give_the_same_answer() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = closed.getsockname()[1]
    async with listening(lambda _: b"SSH-2.0\r\n\r\n") as (port, _):
        told = []
        for place in (dead, port):
            with pytest.raises(OutboundError) as caught:
                await safe_fetch(allowing("127.0.0.1"), "GET", f"http://127.0.0.1:{place}/")
            told.append(caught.value.body())
    assert told[0] == told[1]


async def test_a_body_larger_than_allowed_is_cut_off() -> None:
    async with listening(lambda _: answer("200 OK", body=b"x" * 5000)) as (port, _):
        with pytest.raises(OutboundError):
            await safe_fetch(
                allowing("127.0.0.1"), "GET", f"http://127.0.0.1:{port}/", max_bytes=1000
            )


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111"])
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(address)
