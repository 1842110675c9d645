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
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from app.accounts import passwords
from app.core.db import AsyncSession, Database
from app.core.settings import Settings
from app.embedded.postgres import EmbeddedPostgres
from app.main import create_app
from app.tables import Base

# People only have to be told apart here, which need not cost what it costs to guess a password.
COSTLY_HASHER = passwords._hasher
passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False)
    url = server.start()
    yield url
    server.remove()


@pytest.fixture(scope="session")
async def engine(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    """The pool of every application in process: warm connections, statements already compiled."""
    engine = Database(postgres_url).engine
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture(scope="session")
async def cleaner(postgres_url: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """A connection that may delete without regard to foreign keys."""
    superuser = postgres_url.replace("//tuningfork:", "//postgres:", 1)
    async with await psycopg.AsyncConnection.connect(superuser, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def settings(
    engine: AsyncEngine, cleaner: psycopg.AsyncConnection, postgres_url: str, tmp_path: Path
) -> AsyncIterator[Settings]:
    """Settings of a fresh site: an empty database, an empty store, no broker."""
    yield Settings(
        database_url=postgres_url,
        storage_url=f"file://{tmp_path / 'blobs'}",
        data_dir=tmp_path,
        secret_key=secrets.token_hex(16),
        worker_key="test-worker-key",
        log_level="error",
        # Everybody is new in a test; what that means is tested where it is the matter.
        newcomer_topics=100_000,
        newcomer_replies=100_000,
        newcomer_topic_every_s=0,
        newcomer_reply_every_s=0,
        newcomer_links=1000,
        newcomer_images=1000,
        newcomer_mentions=1000,
        requests_api=10**7,
        requests_api_visitor=10**7,
        requests_resolve=10**7,
        requests_resolve_visitor=10**7,
        requests_pages=10**7,
        requests_pages_visitor=10**7,
        requests_jobs=10**7,
    )
    await empty(cleaner)


async def empty(cleaner: psycopg.AsyncConnection) -> None:
    """Delete every row and let every number begin at one again.

    TRUNCATE makes new files for each table and index, which costs the server a tenth of a second.
    """
    names = [table.name for table in Base.metadata.sorted_tables]
    asked = ", ".join(f"EXISTS (SELECT FROM {name})" for name in names)
    row = await (await cleaner.execute(f"SELECT {asked}".encode(), prepare=True)).fetchone()
    full = [name for name, some in zip(names, row or (), strict=True) if some]
    if full:
        statements = [
            f"LOCK TABLE {', '.join(full)} IN SHARE ROW EXCLUSIVE MODE",
            "SET LOCAL session_replication_role = replica",
            *(f"DELETE FROM {name}" for name in full),
            "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'",
        ]
        async with cleaner.transaction():
            await cleaner.execute("; ".join(statements).encode())


@pytest.fixture
async def app(settings: Settings, engine: AsyncEngine) -> FastAPI:
    application = create_app(settings)
    application.state.database.engine = engine
    return application


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
            uvicorn.Config(
                self.app,
                log_level="error",
                timeout_graceful_shutdown=1,
                forwarded_allow_ips=settings.trusted_proxies,
            )
        )
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self.socket]))

    def start(self) -> None:
        """Serve, and return once the site answers."""
        self._thread.start()
        transport = httpx.HTTPTransport(retries=20)
        with httpx.Client(transport=transport, timeout=30) as probe:
            # The first connection of a pool is made here: tests share it from a loop of their own.
            probe.get(f"{self.url}/readyz").raise_for_status()

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


@contextmanager
def statements(engine: AsyncEngine) -> Iterator[list[str]]:
    """Collect the statements that are sent to the database while the block runs."""
    sent: list[str] = []

    def remember(*arguments: object) -> None:
        sent.append(str(arguments[2]))

    event.listen(engine.sync_engine, "before_cursor_execute", remember)
    yield sent
    event.remove(engine.sync_engine, "before_cursor_execute", remember)
