"""The migrations build exactly the tables the code works with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

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
