"""What some jobs came to, for features that began them and decide themselves who may know."""

from collections.abc import Collection
from dataclasses import dataclass

from app.core.db import AsyncSession
from app.jobs.queries import jobs as job_queries
from app.jobs.service.records import headline_of
from app.jobs.states import JobState


@dataclass(frozen=True)
class JobOutcome:
    """A job's state, and its headline measure where it succeeded."""

    job_id: int
    owner_id: int
    state: JobState
    metric: str
    value: float | None


async def outcomes(db: AsyncSession, job_ids: Collection[int]) -> list[JobOutcome]:
    """Return how these jobs stand, by number; at most a thousand, the newest."""
    found = []
    for job in await job_queries.jobs_by_id(db, job_ids) if job_ids else ():
        measured = headline_of(job) if job.state is JobState.SUCCEEDED else None
        metric, value = (measured.metric, measured.value) if measured else ("", None)
        found.append(JobOutcome(job.id, job.owner_id, job.state, metric, value))
    return found
