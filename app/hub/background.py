"""Beside the requests: tidying what was left behind, and adding up what was counted."""

import asyncio
import time
from datetime import timedelta

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from app.core.errors import AppError, UnavailableError
from app.core.events import EventBus
from app.core.storage import BlobStore
from app.hub.events import CommitPushed
from app.hub.schemas import MAIN
from app.hub.service import facts, lists, popularity, uploads

log = structlog.get_logger(__name__)

EVERY = timedelta(hours=1)
COUNT_EVERY_S = 3.0
# Counting every value of every facet reads the whole table, which may take seconds.
FACETS_EVERY = timedelta(minutes=15)
TEMP_LIFETIME = timedelta(days=1)


def subscribe(events: EventBus, database: Database, storage: BlobStore) -> None:
    """Read again what a model's files say when its `main` has moved."""

    async def read_facts(event: CommitPushed) -> None:
        if event.branch != MAIN:
            return
        try:
            async with database.transaction() as db:
                await facts.refresh(db, storage, event.repository_id)
        except (AppError, DBAPIError) as error:
            # The commit stands; the next one reads the files again.
            log.warning("facts_not_read", reason=type(error).__name__)

    events.subscribe(CommitPushed, read_facts)


async def run_sweeper(app: FastAPI) -> None:
    """Sweep now and every hour; a store or database that is away is tried again next time."""
    while True:
        try:
            await sweep(app.state.database, app.state.storage, TEMP_LIFETIME)
        except UnavailableError as error:
            log.warning("hub_sweep_postponed", reason=error.message)
        await asyncio.sleep(EVERY.total_seconds())


async def run_counters(app: FastAPI) -> None:
    """Add up downloads every few seconds, and count what lists can be narrowed to now and then."""
    database: Database = app.state.database
    next_facets = 0.0
    while True:
        try:
            await count(database)
            if time.monotonic() >= next_facets:
                await count_slowly(database)
                next_facets = time.monotonic() + FACETS_EVERY.total_seconds()
        except (AppError, DBAPIError) as error:
            log.warning("hub_counting_postponed", reason=type(error).__name__)
        await asyncio.sleep(COUNT_EVERY_S)


async def count(database: Database) -> int:
    """Add noted downloads to the sums and scores; return how many repositories changed."""
    async with database.transaction() as db:
        return await popularity.add_up(db)


async def count_slowly(database: Database) -> None:
    """Count the facets of all lists, and let old days leave the recent downloads."""
    async with database.transaction() as db:
        if await lists.count_facets(db):
            await popularity.close_days(db)


async def sweep(database: Database, storage: BlobStore, temp_lifetime: timedelta) -> int:
    """Remove what was abandoned; return how many objects went."""
    async with database.transaction() as db:
        keys = await uploads.forget_expired(db)
    keys += await storage.temps(temp_lifetime)
    for key in keys:
        await storage.delete(key)
    if keys:
        log.info("hub_swept", num_objects=len(keys))
    return len(keys)
