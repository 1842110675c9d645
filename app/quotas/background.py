"""Every night: proving that the counters are what is stored, and noting what was held."""

import asyncio

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from app.core.errors import AppError
from app.quotas import service

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 600


async def run_recount(app: FastAPI) -> None:
    """Do the night's work once a day, in whichever process comes first."""
    while True:
        try:
            await nightly(app.state.database)
        except (AppError, DBAPIError) as error:
            log.warning("recount_postponed", reason=type(error).__name__)
        await asyncio.sleep(_LOOK_EVERY_S)


async def nightly(database: Database) -> bool:
    """Close yesterday if nobody did; counters that drifted are written anew, and logged."""
    async with database.transaction() as db:
        if not await service.close_day(db):
            return False
    async with database.transaction() as db:
        wrong = await service.drift(db)
    if wrong:
        async with database.transaction() as db:
            await service.mend(db)
    log.info("quotas_recounted", num_wrong=len(wrong))
    return True
