"""Hearing at once of what another process changed."""

import asyncio
from contextlib import suppress

import psycopg
import structlog
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from app.core.errors import AppError
from app.core.runtime.state import Runtime
from app.core.runtime.store import CHANNEL

log = structlog.get_logger(__name__)

# A notification may be lost with its connection; so often everything is read again anyway.
_LOOK_EVERY_S = 15.0
_AGAIN_S = 1.0


async def run_runtime(app: FastAPI) -> None:
    """Keep this process's copy equal to what is kept, for as long as the process lives."""
    database, runtime = app.state.database, app.state.runtime
    while True:
        try:
            await _hear(database, runtime)
        except (AppError, DBAPIError, psycopg.Error, OSError) as error:
            log.warning("runtime_not_heard", reason=type(error).__name__)
        await asyncio.sleep(_AGAIN_S)


async def _hear(database: Database, runtime: Runtime) -> None:
    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=5)
    try:
        await connection.execute(f"LISTEN {CHANNEL}")
        while True:
            await runtime.reload(database)
            async for _note in connection.notifies(timeout=_LOOK_EVERY_S, stop_after=1):
                pass
    finally:
        with suppress(psycopg.Error):
            await connection.close()
