"""What a push changed is told to webhooks: from where to where each ref went."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.core.settings import Settings
from tests.conftest import Site, serving
from tests.factories.accounts import bearer
from tests.factories.hub import make_repository
from tests.githost.conftest import Git

Inbox = asyncio.Queue[dict[str, Any]]


@pytest.fixture
async def port(inbox: Inbox) -> AsyncIterator[int]:
    """Where a receiver listens that puts the refs of each message into the inbox."""

    async def answer(request: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await request.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        told = httpx.Response(200, content=await request.readexactly(length)).json()
        for updated in told.get("updatedRefs", []):
            inbox.put_nowait(updated)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


@pytest.fixture
def inbox() -> Inbox:
    return asyncio.Queue()


@pytest.fixture
def site(settings: Settings, port: int) -> Iterator[Site]:
    """A site that may call the receiver."""
    with serving(settings.model_copy(update={"outbound_allow": f"127.0.0.1:{port}"})) as server:
        yield server


@pytest.fixture
async def clone(
    site: Site, database: Database, ada: AccountRef, address: str, git: Git, tmp_path: Path
) -> Path:
    """A clone of `ada/repo`."""
    await make_repository(database, site.app.state.storage, ada, "repo", files={"a.txt": b"a"})
    git("clone", "-q", f"{address}/ada/repo", "clone")
    return tmp_path / "clone"


async def test_a_push_tells_where_each_ref_was_and_is(
    site: Site, token: str, git: Git, clone: Path, port: int, inbox: Inbox
) -> None:
    body = {
        "url": f"http://127.0.0.1:{port}/hook",
        "watched": [{"type": "model", "name": "ada/repo"}],
        "domains": ["repo"],
    }
    async with httpx.AsyncClient(base_url=site.url, headers=bearer(token)) as client:
        hook = await client.post("/api/settings/webhooks", json=body)
    assert hook.status_code == 200, hook.text
    first = git("rev-parse", "HEAD", cwd=clone).strip()
    git("commit", "-q", "--allow-empty", "-m", "Nothing", cwd=clone)
    second = git("rev-parse", "HEAD", cwd=clone).strip()

    async def told(*refs: str) -> tuple[str, str | None, str | None]:
        await asyncio.to_thread(git, "push", "-q", "origin", *refs, cwd=clone)
        news = await asyncio.wait_for(inbox.get(), 60)
        return news["ref"], news["oldSha"], news["newSha"]

    assert await told("main") == ("refs/heads/main", first, second)
    assert await told("main:dev") == ("refs/heads/dev", None, second)
    assert await told(f"+{first}:refs/heads/dev") == ("refs/heads/dev", second, first)
    assert await told(":dev") == ("refs/heads/dev", first, None)
    assert await told("main:refs/tags/v1") == ("refs/tags/v1", None, second)
    assert await told(":refs/tags/v1") == ("refs/tags/v1", second, None)
    assert inbox.empty()
