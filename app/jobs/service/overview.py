"""What everybody may know of the jobs: how many run, how many wait, on how many workers."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.db import AsyncSession
from app.jobs.queries import jobs as job_queries
from app.jobs.queries import overview as queries
from app.jobs.states import ACTIVE_STATES, JobState
from app.jobs.tables import Worker


@dataclass(frozen=True)
class Overview:
    """The site's work at this moment."""

    num_running: int
    num_queued: int
    num_workers: int


@dataclass(frozen=True)
class Waiting:
    """The jobs that wait in one queue, and for how many seconds the first of them has."""

    num: int
    oldest_s: float


async def num_by_state(db: AsyncSession) -> dict[JobState, int]:
    """Return how many jobs are in each state; a state without any is left out."""
    return await queries.num_by_state(db)


async def waiting_by_queue(db: AsyncSession) -> dict[str, Waiting]:
    """Return what waits in each queue; a queue without any is left out."""
    found = await queries.waiting_by_queue(db)
    return {queue: Waiting(num, oldest_s) for queue, (num, oldest_s) in found.items()}


async def live_workers(db: AsyncSession) -> Sequence[Worker]:
    """Return the workers that spoke within the last two minutes."""
    return await job_queries.live_workers(db)


async def overview(db: AsyncSession) -> Overview:
    """Return the site's work at this moment, without saying whose it is."""
    return Overview(
        num_running=await queries.num_in_states(db, ACTIVE_STATES),
        num_queued=await queries.num_in_states(db, [JobState.QUEUED]),
        num_workers=len(await job_queries.live_workers(db)),
    )
