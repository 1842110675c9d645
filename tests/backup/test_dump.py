"""A database with a server of its own: kept as a dump, brought back into an empty one."""

import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psycopg
import pytest

from app.core.db import Database
from app.core.settings import Settings
from tests.embedded.harness import cli
from tests.factories.accounts import make_user

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
async def second_url(settings: Settings, cleaner: psycopg.AsyncConnection) -> AsyncIterator[str]:
    """An empty database on the same server; the first one knows how far it was migrated."""
    async with await psycopg.AsyncConnection.connect(
        settings.database_url, autocommit=True
    ) as connection:
        await connection.execute(
            "CREATE TABLE alembic_version AS SELECT 'd41f0c6be827' version_num"
        )
        await connection.execute("CREATE DATABASE second")
        yield settings.database_url.replace("/tuningfork?", "/second?")
        await connection.execute("DROP TABLE alembic_version")
    await cleaner.execute("DROP DATABASE second WITH (FORCE)")


async def test_a_dump_comes_back_into_an_empty_database(
    settings: Settings, database: Database, second_url: str, tmp_path: Path
) -> None:
    await make_user(database, "ada")
    where = {"STORAGE_URL": settings.storage_url, "TUNINGFORK_BACKUP_DIR": str(tmp_path / "kept")}
    first = {**where, "DATABASE_URL": settings.database_url}
    second = {**where, "DATABASE_URL": second_url}
    data = ("--data-dir", str(tmp_path / "data"))
    made = cli("backup", "create", *data, env=first)
    assert "Made the backup" in made.stdout, made.stderr
    assert "is whole." in cli("backup", "verify", *data, env=first).stdout
    refused = cli("restore", *data, env=first)
    assert "is not empty" in refused.stderr
    done = cli("restore", *data, env=second)
    assert done.returncode == 0, done.stderr
    async with await psycopg.AsyncConnection.connect(second_url) as connection:
        rows = await connection.execute("SELECT name FROM accounts_account")
        assert await rows.fetchall() == [("ada",)]
