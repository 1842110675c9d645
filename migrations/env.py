"""Alembic's entry: offline never, one connection, short lock waits."""

from alembic import context
from sqlalchemy import Connection, create_engine, pool, text

from app.core.db import driver_url
from app.core.settings import get_settings
from app.tables import Base

# A migration that waits longer for a lock would hold up every request behind it.
LOCK_TIMEOUT = "4s"


def _migrate(connection: Connection) -> None:
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _run() -> None:
    attributes = context.config.attributes
    given = attributes.get("connection")
    if given is not None:
        _migrate(given)
        return
    url = attributes.get("url") or driver_url(get_settings().database_url)
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        _migrate(connection)
    engine.dispose()


_run()
