"""Tidying: uploads that nobody finished, and temporary bytes that a crash left behind."""

import asyncio
from datetime import timedelta

import structlog
from fastapi import FastAPI

from app.core.db import Database
from app.core.errors import UnavailableError
from app.core.storage import BlobStore
from app.hub.service import uploads

log = structlog.get_logger(__name__)

EVERY = timedelta(hours=1)
TEMP_LIFETIME = timedelta(days=1)


async def run_sweeper(app: FastAPI) -> None:
    """Sweep now and every hour; a store or database that is away is tried again next time."""
    while True:
        try:
            await sweep(app.state.database, app.state.storage, TEMP_LIFETIME)
        except UnavailableError as error:
            log.warning("hub_sweep_postponed", reason=error.message)
        await asyncio.sleep(EVERY.total_seconds())


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
