"""What keeps jobs moving without anybody asking: the sweeper, the bell and the wake-ups."""

import asyncio
import time
from datetime import timedelta

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError

from app.accounts.events import StandingChanged
from app.accounts.schemas import StandingKind
from app.core.db import AsyncSession, Database
from app.core.errors import AppError
from app.core.events import EventBus
from app.core.queue import Doorbell
from app.core.wakeups import Wakeups
from app.jobs.events import JobChanged, JobQueued, job_channel
from app.jobs.queries import jobs as job_queries
from app.jobs.service import attempts, control

log = structlog.get_logger(__name__)

SWEEP_EVERY_S = 5.0
_KEEP_KEYS = timedelta(hours=24)
_LOCK = "jobs.sweep"


def subscribe(events: EventBus, doorbell: Doorbell, wakeups: Wakeups) -> None:
    """Ring for each queued job, and wake those who watch a job that changed."""

    async def ring(event: JobQueued) -> None:
        doorbell.ring(event.queue)

    async def wake(event: JobChanged) -> None:
        wakeups.wake(job_channel(event.job_id))

    async def stop(db: AsyncSession, event: StandingChanged) -> None:
        if event.kind is StandingKind.SUSPENDED and not event.lifted:
            await control.cancel_jobs_of(db, event.account_id)

    events.subscribe_inside(StandingChanged, stop)
    events.subscribe(JobQueued, ring)
    events.subscribe(JobChanged, wake)


async def sweep(database: Database, doorbell: Doorbell, *, expire_leases: bool = True) -> None:
    """Take lost jobs back, ring for waiting ones, forget old keys; once over all processes."""
    async with database.transaction() as db:
        if not await job_queries.try_lock(db, _LOCK):
            return
        if expire_leases:
            await attempts.take_back_lost(db)
        queues = await job_queries.waiting_queues(db)
        await job_queries.forget_old_keys(db, _KEEP_KEYS)
    for queue in queues:
        doorbell.ring(queue)


class LeasePatience:
    """Whether leases may be expired: only after the site could hear heartbeats for a whole lease.

    While the site or its database was away no heartbeat could arrive, so silence proves nothing.
    """

    def __init__(self, lease_s: float) -> None:
        self._lease_s = lease_s
        self._steady_since = time.monotonic()

    def interrupted(self) -> None:
        """Start waiting anew: heartbeats may have been missed until now."""
        self._steady_since = time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether a silent worker has had its chance."""
        return time.monotonic() - self._steady_since >= self._lease_s


async def run_sweeper(app: FastAPI) -> None:
    """Sweep every five seconds for as long as the process lives."""
    database: Database = app.state.database
    patience = LeasePatience(app.state.settings.lease_s)
    while True:
        await asyncio.sleep(SWEEP_EVERY_S)
        try:
            await sweep(database, app.state.doorbell, expire_leases=patience.is_over)
        except (AppError, DBAPIError) as error:
            patience.interrupted()
            log.warning("sweep_failed", reason=type(error).__name__)


async def run_wakeups(app: FastAPI) -> None:
    """Keep the wake-ups of this process connected to those of the others."""
    wakeups: Wakeups = app.state.wakeups
    await wakeups.run()
