"""Running imports beside the requests: a few at a time in every process of the site."""

import asyncio
from datetime import timedelta

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from app.core.errors import AppError
from app.core.events import EventBus
from app.core.wakeups import Wakeups
from app.imports import queries
from app.imports.events import CHANNEL, ImportQueued
from app.imports.service import ImportRun, drop_segments
from app.imports.tables import Import
from app.imports.upstreams import upstreams

log = structlog.get_logger(__name__)

AT_ONCE = 2
SWEEP_EVERY_S = 3600.0
# For so long somebody may try again without fetching from the start.
KEEP_PARTS = timedelta(days=7)
LOOK_EVERY_S = 5.0
_PAUSE_S = 5.0


def subscribe(events: EventBus, wakeups: Wakeups) -> None:
    """Begin with an import as soon as it is queued."""

    async def wake(_event: ImportQueued) -> None:
        wakeups.wake(CHANNEL)

    events.subscribe(ImportQueued, wake)


async def run_imports(app: FastAPI) -> None:
    """Run what is queued for as long as the process lives; rest where importing is off."""
    try:
        allowed = upstreams(app.state.settings)
    except AppError as error:
        log.warning("imports_off", reason=error.message)
        return
    if allowed:
        async with asyncio.TaskGroup() as group:
            for _number in range(AT_ONCE):
                group.create_task(_serve(app))
            group.create_task(_sweep(app))


async def _serve(app: FastAPI) -> None:
    wakeups: Wakeups = app.state.wakeups
    with wakeups.listen(CHANNEL) as listener:
        while True:
            try:
                job = await _claim(app)
                if job is not None:
                    await _run(app, job)
                    continue
            except (AppError, DBAPIError, OSError) as error:
                log.warning("import_interrupted", reason=type(error).__name__)
                await asyncio.sleep(_PAUSE_S)
            await listener.wait(LOOK_EVERY_S)


async def _sweep(app: FastAPI) -> None:
    """Throw away, now and every hour, what arrived of imports that nobody went on with."""
    database: Database = app.state.database
    while True:
        try:
            async with database.transaction() as db:
                ids = await queries.abandoned(db, KEEP_PARTS)
            for import_id in ids:
                await drop_segments(database, app.state.storage, import_id)
        except (AppError, DBAPIError, OSError) as error:
            log.warning("imports_sweep_postponed", reason=type(error).__name__)
        await asyncio.sleep(SWEEP_EVERY_S)


async def _claim(app: FastAPI) -> Import | None:
    database: Database = app.state.database
    async with database.transaction() as db:
        return await queries.claim(db, app.state.settings.lease_s)


async def _run(app: FastAPI, job: Import) -> None:
    run = ImportRun(app.state.settings, app.state.database, app.state.storage, job)
    await asyncio.create_task(run.run())
