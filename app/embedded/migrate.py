"""Bring a database to the newest schema, from the folder of migrations that ships with the site."""

from dataclasses import dataclass

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from app.core.db import driver_url
from app.core.files import resource_dir

# Two sites started at once must not both migrate; any number will do, but always this one.
LOCK = 7_311_904


@dataclass(frozen=True)
class SchemaState:
    """Where a database stands: its revision and the newest one known, None when empty."""

    current: str | None
    head: str | None

    @property
    def is_current(self) -> bool:
        """Whether nothing is left to migrate."""
        return self.current == self.head


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(resource_dir("migrations")))
    config.attributes["url"] = driver_url(url)
    return config


def migrations(url: str = "") -> ScriptDirectory:
    """Return every migration that this version knows."""
    return ScriptDirectory.from_config(_config(url))


def upgrade(url: str, revision: str = "head") -> SchemaState:
    """Migrate the database at `url` to `revision`; others who try meanwhile wait.

    Returns:
        The state before: `is_current` says that nothing had to be done.
    """
    config = _config(url)
    engine = create_engine(driver_url(url))
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
            before = _state(config, connection)
            connection.commit()
            if not before.is_current:
                config.attributes["connection"] = connection
                command.upgrade(config, revision)
                connection.commit()
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
            connection.commit()
    finally:
        engine.dispose()
    return before


def schema_state(url: str) -> SchemaState:
    """Return where the database at `url` stands, changing nothing."""
    engine = create_engine(driver_url(url))
    try:
        with engine.connect() as connection:
            return _state(_config(url), connection)
    finally:
        engine.dispose()


def _state(config: Config, connection: Connection) -> SchemaState:
    current = MigrationContext.configure(connection).get_current_revision()
    return SchemaState(current, ScriptDirectory.from_config(config).get_current_head())
