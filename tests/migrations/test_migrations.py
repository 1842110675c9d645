"""The migrations build exactly the tables the code works with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from app.core.db import driver_url
from app.embedded.migrate import schema_state, upgrade
from app.embedded.postgres import EmbeddedPostgres
from app.tables import Base


@pytest.fixture
def empty_database(tmp_path: Path) -> Iterator[str]:
    server = EmbeddedPostgres(tmp_path, durable=False)
    yield server.start()
    server.remove()


def test_an_empty_database_migrated_to_the_newest_schema_equals_the_tables(
    empty_database: str,
) -> None:
    upgrade(empty_database)
    engine = create_engine(driver_url(empty_database))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_migrating_twice_changes_nothing(empty_database: str) -> None:
    upgrade(empty_database)
    assert upgrade(empty_database).is_current
    assert schema_state(empty_database).is_current


_BEFORE = """
INSERT INTO accounts_account (kind, name, name_key, display_name, created_at)
  VALUES ('user', 'ada', 'ada', '', now());
INSERT INTO hub_repository (kind, owner_id, owner_name, name, name_key, private, created_at,
  updated_at, head, size_bytes, downloads, likes, trending, task, library, license, summary,
  languages, base_models, tags, card, weights)
SELECT 'model', id, 'ada', 'net', 'net', false, now(), now(), '', 0, 7, 0, 7, '', '', '',
  '\u4e2d\u6587', '{}', '{}', '{demo}', '{}', '{}' FROM accounts_account;
INSERT INTO hub_download (repository_id, day, who) SELECT id, now(), 'x' FROM hub_repository;
"""
_AFTER = "SELECT downloads_all_time, downloads_raw, trending, search_text FROM hub_repository"


def test_a_database_with_repositories_goes_from_the_first_schema_to_the_newest(
    empty_database: str,
) -> None:
    upgrade(empty_database, "f039c7e7be55")
    engine = create_engine(driver_url(empty_database))
    with engine.begin() as connection:
        connection.execute(text(_BEFORE))
    upgrade(empty_database)
    with engine.connect() as connection:
        row = connection.execute(text(_AFTER)).one()
    engine.dispose()
    assert row[:3] == (7, 7, 0)
    assert "demo u4e2du6587" in row[3]
