"""The real servers under every test: one PostgreSQL a test process, emptied between tests."""

import asyncio
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import create_async_engine

from app.core.db import AsyncSession, Database, driver_url
from app.core.settings import Settings
from app.embedded.postgres import EmbeddedPostgres
from app.main import create_app
from app.tables import Base


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False)
    url = server.start()
    yield url
    server.remove()


@pytest.fixture(scope="session")
async def schema(postgres_url: str) -> None:
    engine = create_async_engine(driver_url(postgres_url))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()


@pytest.fixture
async def settings(schema: None, postgres_url: str, tmp_path: Path) -> AsyncIterator[Settings]:
    """Settings of a fresh site: an empty database, an empty store, no broker."""
    yield Settings(
        database_url=postgres_url,
        storage_url=f"file://{tmp_path / 'blobs'}",
        data_dir=tmp_path,
        secret_key=secrets.token_hex(16),
        worker_key="test-worker-key",
        log_level="error",
    )
    await _empty(postgres_url)


async def _empty(url: str) -> None:
    # Truncating a table that is empty already costs as much as one that is full: most are.
    names = [table.name for table in Base.metadata.sorted_tables]
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        asked = ", ".join(f"EXISTS (SELECT FROM {name})" for name in names)
        row = await (await connection.execute(f"SELECT {asked}".encode())).fetchone()
        full = [name for name, some in zip(names, row or (), strict=True) if some]
        if full:
            statement = f"TRUNCATE {', '.join(full)} RESTART IDENTITY CASCADE"
            await connection.execute(statement.encode())


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    application = create_app(settings)
    yield application
    await application.state.database.close()


@pytest.fixture
def database(app: FastAPI) -> Database:
    found: Database = app.state.database
    return found


@pytest.fixture
async def db(database: Database) -> AsyncIterator[AsyncSession]:
    """One transaction, committed at the end; use `database.transaction()` to commit earlier."""
    async with database.transaction() as session:
        yield session


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A visitor's client, in process; sign in by cookies or an `Authorization` header."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield client


class Site:
    """A site on a loopback port, in a thread with an event loop of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.socket = socket.create_server(("127.0.0.1", 0))
        # Without it every answer of two packets waits 40 ms for the client's acknowledgement.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.app = create_app(settings)
        self._server = uvicorn.Server(
            uvicorn.Config(self.app, log_level="error", timeout_graceful_shutdown=1)
        )
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self.socket]))

    def start(self) -> None:
        """Serve, and return once the site answers."""
        self._thread.start()
        transport = httpx.HTTPTransport(retries=20)
        with httpx.Client(transport=transport, timeout=30) as probe:
            probe.get(f"{self.url}/healthz").raise_for_status()

    def stop(self) -> None:
        """Stop serving and wait for the thread."""
        self._server.should_exit = True
        self._thread.join(timeout=10)


@contextmanager
def serving(settings: Settings) -> Iterator[Site]:
    """Serve a site with these settings until the block is left."""
    server = Site(settings)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def site(settings: Settings) -> Iterator[Site]:
    """A real server for clients that need an address: `hf`, `git`, a browser."""
    with serving(settings) as server:
        yield server
