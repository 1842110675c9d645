"""What keeps sweeps moving: every process looks at them when a job told something, and often."""

import asyncio

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from app.core.errors import AppError
from app.core.events import EventBus
from app.core.wakeups import Wakeups
from app.jobs.events import EpochMeasured, JobEnded
from app.sweeps import queries
from app.sweeps.events import CHANNEL, SweepChanged
from app.sweeps.service.advance import advance

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 5.0
# News of many jobs come in bunches; one look answers them all.
_APART_S = 0.3


def subscribe(events: EventBus, wakeups: Wakeups) -> None:
    """Look at the sweeps when a job ended or measured an epoch, and when somebody steers one."""

    async def wake(_event: object) -> None:
        wakeups.wake(CHANNEL)

    for kind in (EpochMeasured, JobEnded, SweepChanged):
        events.subscribe(kind, wake)


async def advance_all(app: FastAPI) -> None:
    """Move every open sweep on, once. One that cannot be moved does not hold the others up."""
    database: Database = app.state.database
    async with database.transaction() as db:
        ids = await queries.open_ids(db)
    for sweep_id in ids:
        turn = asyncio.create_task(advance(database, app.state.storage, sweep_id))
        (failed,) = await asyncio.gather(turn, return_exceptions=True)
        if failed is not None:
            log.error("sweep_stuck", sweep_id=sweep_id, exc_info=failed)


async def run_sweeps(app: FastAPI) -> None:
    """Move sweeps on for as long as the process lives."""
    wakeups: Wakeups = app.state.wakeups
    with wakeups.listen(CHANNEL) as listener:
        while True:
            try:
                await advance_all(app)
            except (AppError, DBAPIError, OSError) as error:
                log.warning("sweeps_interrupted", reason=type(error).__name__)
            await asyncio.sleep(_APART_S)
            await listener.wait(LOOK_EVERY_S)
