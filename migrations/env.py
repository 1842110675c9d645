"""Run migrations with the connection or address that `app.embedded.migrate` hands over."""

from alembic import context
from sqlalchemy import Connection, create_engine

from app.core.db import driver_url
from app.core.settings import get_settings
from app.tables import Base


def run(connection: Connection) -> None:
    """Migrate over `connection`; a lock that is not to be had soon is given up, not waited for."""
    connection.exec_driver_sql("SET lock_timeout = '5s'")
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    address = context.config.attributes.get("url") or driver_url(get_settings().database_url)
    engine = create_engine(address)
    with engine.connect() as made:
        run(made)
    engine.dispose()
