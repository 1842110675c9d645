"""Two real sites: ours, and another hub on loopback to import from."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from app.accounts.schemas import AccountRef
from app.core.db import Database, driver_url
from app.core.settings import Settings
from app.tables import Base
from tests.conftest import Site, empty
from tests.factories.accounts import bearer, make_token, make_user

UPSTREAM_DATABASE = "upstream"
STEP_S = 0.05


@pytest.fixture(scope="session")
async def upstream_url(postgres_url: str) -> str:
    """A second database on the same server."""
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
        await connection.execute(f"CREATE DATABASE {UPSTREAM_DATABASE}".encode())
    url = _other_database(postgres_url)
    engine = create_async_engine(driver_url(url))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()
    return url


def _other_database(url: str) -> str:
    head, question, query = url.partition("?")
    start, _slash, _name = head.rpartition("/")
    return f"{start}/{UPSTREAM_DATABASE}{question}{query}"


class Gate:
    """Stands before the other hub and holds or breaks answers about one path."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.path = ""
        self.after = 0
        self.breaks = 0
        self.holds = False
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.ranges: list[str] = []
        self.asked: list[str] = []
        self.authorized: list[str] = []

    def break_off(self, path: str, after: int, times: int) -> None:
        """Drop the connection after so many bytes of a file, some times."""
        self.path, self.after, self.breaks = path, after, times

    def hold(self, path: str, after: int) -> None:
        """Send so many bytes of a file, and then nothing more."""
        self.path, self.after, self.holds = path, after, True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {key.decode(): value.decode() for key, value in scope["headers"]}
        self.asked.append(scope["path"])
        self.authorized.append(headers.get("authorization", ""))
        for part, answer in self.answers.items():
            if part in scope["path"]:
                await self._say(send, *answer)
                return
        is_meant = (
            bool(self.path) and "/resolve/" in scope["path"] and scope["path"].endswith(self.path)
        )
        if is_meant:
            self.ranges.append(headers.get("range", ""))
        if not is_meant or not (self.breaks or self.holds):
            await self.app(scope, receive, send)
            return
        self.breaks = max(0, self.breaks - 1)
        await self.app(scope, receive, self._limited(send))

    async def _say(self, send: Any, status: int, headers: dict[str, str], body: bytes) -> None:
        pairs = [(key.encode(), value.encode()) for key, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": body})

    def _limited(self, send: Any) -> Any:
        left = self.after

        async def limited(message: Any) -> None:
            nonlocal left
            if message["type"] != "http.response.body":
                await send(message)
                return
            part = message.get("body", b"")[:left]
            left -= len(part)
            await send({"type": "http.response.body", "body": part, "more_body": True})
            if left <= 0:
                while self.holds:  # noqa: ASYNC110  # the test lives in another thread
                    await asyncio.sleep(STEP_S)
                raise ConnectionResetError

        return limited


class Hub(Site):
    """A site with a gate before it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.gate = Gate(self._server.config.app)
        self._server.config.app = self.gate


@pytest.fixture(scope="session")
async def upstream_cleaner(upstream_url: str) -> AsyncIterator[psycopg.AsyncConnection]:
    superuser = upstream_url.replace("//tuningfork:", "//postgres:", 1)
    async with await psycopg.AsyncConnection.connect(superuser, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def upstream(
    upstream_url: str, upstream_cleaner: psycopg.AsyncConnection, tmp_path: Path
) -> AsyncIterator[Hub]:
    """The other hub."""
    settings = Settings(
        database_url=upstream_url,
        storage_url=f"file://{tmp_path / 'upstream'}",
        data_dir=tmp_path / "upstream-data",
        secret_key=secrets.token_hex(16),
        worker_key="other",
        log_level="critical",
    )
    hub = Hub(settings)
    hub.start()
    yield hub
    hub.gate.holds = False
    await asyncio.to_thread(hub.stop)
    await empty(upstream_cleaner)


@pytest.fixture
async def upstream_database(upstream: Hub) -> AsyncIterator[Database]:
    """The other hub's database, from here."""
    database = Database(upstream.settings.database_url)
    yield database
    await database.close()


@pytest.fixture
async def bob(upstream_database: Database) -> AccountRef:
    """Somebody who shares models on the other hub."""
    return await make_user(upstream_database, "bob")


@pytest.fixture
def settings(settings: Settings, upstream: Hub) -> Settings:
    """Our site may import from the other hub, which stands on this machine."""
    return settings.model_copy(
        update={
            "upstreams": f"other={upstream.url}",
            "outbound_allow": upstream.url.removeprefix("http://"),
            "lease_s": 3,
        }
    )


@pytest.fixture
async def ada(database: Database) -> AccountRef:
    return await make_user(database, "ada")


class Importer:
    """Ada's program."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def start(self, source: str, **changes: object) -> dict[str, Any]:
        answer = await self.client.post("/api/v1/imports", json={"source": source, **changes})
        assert answer.status_code == 202, answer.text
        started: dict[str, Any] = answer.json()
        return started

    async def get(self, number: int) -> dict[str, Any]:
        answer = await self.client.get(f"/api/v1/imports/{number}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def ended(self, number: int) -> dict[str, Any]:
        """Return the import once nothing more happens to it."""
        return await self.until(number, lambda told: told["finished_at"] is not None)

    async def until(self, number: int, is_so: Any) -> dict[str, Any]:
        while not is_so(told := await self.get(number)):  # noqa: ASYNC110  # asks a site
            await asyncio.sleep(STEP_S)
        return told

    async def run(self, source: str, **changes: object) -> dict[str, Any]:
        return await self.ended((await self.start(source, **changes))["id"])

    async def files(self, name: str, kind: str = "models") -> dict[str, dict[str, Any]]:
        answer = await self.client.get(f"/api/{kind}/{name}/tree/main?recursive=true")
        assert answer.status_code == 200, answer.text
        return {one["path"]: one for one in answer.json() if one["type"] == "file"}


@asynccontextmanager
async def importing(url: str, token: str) -> AsyncIterator[Importer]:
    async with httpx.AsyncClient(base_url=url, headers=bearer(token), timeout=30) as client:
        yield Importer(client)


@pytest.fixture
async def importer(site: Site, database: Database, ada: AccountRef) -> AsyncIterator[Importer]:
    async with importing(site.url, await make_token(database, ada, "write")) as made:
        yield made


@pytest.fixture
def small_segments() -> Iterator[int]:
    """Segments of 64 kB, so that a test's file has several."""
    from app.imports.service import receiving

    before, receiving.SEGMENT_BYTES = receiving.SEGMENT_BYTES, 64 * 1024
    yield receiving.SEGMENT_BYTES
    receiving.SEGMENT_BYTES = before
