"""A receiver on loopback, and a site that may call it."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI

from app.core.settings import Settings
from app.core.storage import BlobStore
from app.main import create_app
from app.webhooks.service import deliver_due


@dataclass
class Message:
    """One call: header names in lower case, and the body as it came."""

    headers: dict[str, str]
    body: bytes
    target: str = ""

    @property
    def payload(self) -> dict[str, Any]:
        """The body, read."""
        read: dict[str, Any] = json.loads(self.body)
        return read


@dataclass
class Receiver:
    """A server that keeps what it is sent and answers `status`."""

    status: str = "200 OK"
    answers: bytes = b"secret"
    messages: list[Message] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one message."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = [line.partition(": ") for line in head[1:] if line]
        headers = {name.lower(): value for name, _sep, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.messages.append(Message(headers, body, head[0].split()[1]))
        length = f"HTTP/1.1 {self.status}\r\nContent-Length: {len(self.answers)}\r\n\r\n"
        writer.write(length.encode() + self.answers)
        await writer.drain()
        writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    server = await asyncio.start_server(found.answer, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()
    await server.wait_closed()


@pytest.fixture
async def app(settings: Settings, receiver: Receiver) -> AsyncIterator[FastAPI]:
    allow = {"outbound_allow": f"127.0.0.1:{receiver.port},127.0.0.1:9"}
    application = create_app(settings.model_copy(update=allow))
    yield application
    await application.state.database.close()


@pytest.fixture
def app_storage(app: FastAPI) -> BlobStore:
    found: BlobStore = app.state.storage
    return found


@dataclass(frozen=True)
class Post:
    """What the loop in the background does, once, by hand."""

    app: FastAPI

    async def deliver(self) -> int:
        """Send what is due; return how many messages were tried."""
        return await deliver_due(self.app.state.database, self.app.state.settings)


@pytest.fixture
def post(app: FastAPI) -> Post:
    return Post(app)
