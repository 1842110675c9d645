"""`/metrics`: numbers a collector can read, for those only who may."""

import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.db import Database
from app.core.settings import Settings
from app.main import create_app
from tests.factories.accounts import make_user
from tests.factories.jobs import FakeWorker, make_job

LINE = re.compile(r'[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? (\+Inf|[0-9.e+-]+)')


def client_of(app: FastAPI, host: str = "127.0.0.1") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, client=(host, 5000))
    return httpx.AsyncClient(transport=transport, base_url="http://testserver")


async def numbers(client: httpx.AsyncClient) -> dict[str, float]:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    assert all(LINE.fullmatch(line) for line in lines)
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


async def test_a_request_is_counted_under_the_template_of_its_route(app: FastAPI) -> None:
    async with client_of(app) as client:
        await client.get("/api/models/ada/secret-name")
        await client.get("/no/such/page/at/all")
        found = await numbers(client)
        page = (await client.get("/metrics")).text
    assert "secret-name" not in page
    counts = [name for name in found if name.startswith("tuningfork_request_seconds_count")]
    assert any("{owner}" in name and 'status="4xx"' in name for name in counts)


async def test_buckets_of_a_histogram_grow_to_its_count(app: FastAPI) -> None:
    async with client_of(app) as client:
        await client.get("/healthz")
        found = await numbers(client)
    labels = 'method="GET",route="/healthz",status="2xx"'
    assert found[f"tuningfork_request_seconds_count{{{labels}}}"] == 1
    assert found[f'tuningfork_request_seconds_bucket{{{labels},le="+Inf"}}'] == 1


async def test_waiting_and_held_jobs_are_counted(app: FastAPI, database: Database) -> None:
    ada = await make_user(database, "ada")
    async with database.transaction() as db:
        for _ in range(3):
            await make_job(db, ada.id)
    async with client_of(app) as client:
        assert await FakeWorker(client).claim()
        found = await numbers(client)
    assert found['tuningfork_jobs{state="queued"}'] == 2
    assert found['tuningfork_jobs{state="leased"}'] == 1
    assert found['tuningfork_queue_depth{queue="cpu"}'] == 2
    assert found["tuningfork_workers_alive"] == 1


async def test_without_a_token_only_this_machine_may_read(app: FastAPI) -> None:
    async with client_of(app, "192.0.2.7") as stranger, client_of(app) as here:
        assert (await stranger.get("/metrics")).status_code == 404
        proxied = await here.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"})
        assert proxied.status_code == 404
        assert (await here.get("/metrics")).status_code == 200


async def test_with_a_token_whoever_has_it_may_read(
    settings: Settings, engine: AsyncEngine
) -> None:
    app = create_app(settings.model_copy(update={"metrics_token": SecretStr("s3cret")}))
    app.state.database.engine = engine
    async with client_of(app, "192.0.2.7") as stranger, client_of(app) as here:
        assert (await here.get("/metrics")).status_code == 404
        given = {"Authorization": "Bearer s3cret"}
        assert (await stranger.get("/metrics", headers=given)).status_code == 200
        wrong = {"Authorization": "Bearer s3cre"}
        assert (await stranger.get("/metrics", headers=wrong)).status_code == 404


async def test_the_age_of_the_newest_backup_is_told_and_endless_without_one(
    settings: Settings, engine: AsyncEngine, tmp_path: Path
) -> None:
    app = create_app(settings.model_copy(update={"backup_dir": str(tmp_path / "kept")}))
    app.state.database.engine = engine
    async with client_of(app) as client:
        found = await numbers(client)
    assert found["tuningfork_backup_age_seconds"] == float("inf")


@pytest.fixture
async def schema(engine: AsyncEngine) -> str:
    """A database that says of itself how far it was migrated."""
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE alembic_version (version_num text)"))
        await connection.execute(text("INSERT INTO alembic_version VALUES ('5be1d07c9a24')"))
    return "5be1d07c9a24"


async def test_a_site_is_not_ready_while_its_schema_is_older_than_its_code(
    app: FastAPI, engine: AsyncEngine, schema: str
) -> None:
    try:
        async with client_of(app) as client:
            older = await client.get("/readyz")
            async with engine.begin() as connection:
                await connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
            newer = await client.get("/readyz")
    finally:
        async with engine.begin() as connection:
            await connection.execute(text("DROP TABLE alembic_version"))
    assert (older.status_code, newer.status_code) == (503, 200)
    assert older.headers["Retry-After"] == "5"
