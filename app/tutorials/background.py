"""What tutorials do when something happens elsewhere, and by themselves at night."""

import asyncio
from datetime import datetime

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError

from app.comments.events import CommentReleased
from app.core.clock import now
from app.core.db import Database
from app.core.errors import AppError
from app.core.events import EventBus
from app.core.security import ANONYMOUS
from app.jobs.events import JobBegun, JobEnded
from app.jobs.service.examination import Doctor
from app.tutorials.queries import checks as check_queries
from app.tutorials.service import checks
from app.tutorials.service.family import note_begun
from app.tutorials.service.talking import note_release

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 20.0
_LOCK = "tutorials.check"


def subscribe(events: EventBus, database: Database) -> None:
    """Follow moderators and who begins jobs within it, and the jobs of checks as they end."""

    async def settle(_event: JobEnded) -> None:
        async with database.transaction() as db:
            await checks.settle(db)

    events.subscribe_inside(CommentReleased, note_release)
    events.subscribe_inside(JobBegun, note_begun)
    events.subscribe(JobEnded, settle)


def is_night(hours: str, moment: datetime) -> bool:
    """Whether a moment lies in `1-5` (from one o'clock until five); `22-5` goes over midnight."""
    if not hours:
        return False
    first, last = (int(one) for one in hours.split("-"))
    if first <= last:
        return first <= moment.hour < last
    return moment.hour >= first or moment.hour < last


async def look(app: FastAPI, moment: datetime) -> None:
    """Settle what has ended, step aside for people's jobs, and begin the next check at night."""
    database: Database = app.state.database
    async with database.transaction() as db:
        if not await check_queries.try_lock(db, _LOCK):
            return  # another process looks
        await checks.settle(db, step_aside=True)
        if not is_night(app.state.settings.tutorial_checks, moment):
            return
        if not await checks.is_idle(db):
            return
        tutorial = await checks.due(db)
        if tutorial is not None:
            doctor = Doctor(database, app.state.storage, ANONYMOUS)
            await checks.begin(db, doctor, tutorial)
            await checks.tell(db)


async def run_checks(app: FastAPI) -> None:
    """Look every twenty seconds for as long as the process lives."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            await look(app, now())
        except (AppError, DBAPIError, OSError) as error:
            log.warning("tutorial_checks_interrupted", reason=type(error).__name__)
