"""Writing down what happens to a job, and telling those who wait for it."""

from collections.abc import Mapping
from datetime import datetime

from app.core.db import AsyncSession
from app.core.events import announce, emit
from app.jobs.events import JobChanged, JobEnded, JobQueued
from app.jobs.queries import jobs as job_queries
from app.jobs.queries import leases
from app.jobs.states import JobState
from app.jobs.tables import Job, JobEvent

JOB_QUEUED = "JobQueued"
JOB_RESUMED = "JobResumed"
JOB_ENDED = "JobEnded"
JOB_PUBLISHED = "JobPublished"
CANCEL_REQUESTED = "CancelRequested"
ATTEMPT_STARTED = "AttemptStarted"
ATTEMPT_LOST = "AttemptLost"
ATTEMPT_RELEASED = "AttemptReleased"


async def record(
    db: AsyncSession, job: Job, kind: str, payload: Mapping[str, object] | None = None
) -> None:
    """Append an event of the site's own to the job's history."""
    numbered = await leases.take_numbers(db, job.id, num_events=1, num_lines=0)
    db.add(
        JobEvent(
            job_id=job.id,
            seq=numbered.event_seq,
            attempt=numbered.attempt,
            kind=kind,
            payload={"kind": kind, **(payload or {})},
        )
    )
    await db.flush()
    emit(db, JobChanged(job.id))


async def happened_between(
    db: AsyncSession, start: datetime, end: datetime, limit: int
) -> list[JobEnded]:
    """Return which jobs ended in a span of time, for those whom it may have missed."""
    found = await job_queries.ended_between(db, start, end, limit)
    return [JobEnded(job.id, job.owner_id, job.state) for job in found]


async def record_state(db: AsyncSession, job: Job, kind: str = JOB_QUEUED) -> None:
    """Append the event that belongs to the job's new state: queued again, or ended."""
    if job.state is JobState.QUEUED:
        await record(db, job, kind, {"queue": job.queue})
        emit(db, JobQueued(job.id, job.queue))
    elif job.state.is_final:
        await record(db, job, JOB_ENDED, {"state": job.state.value, "failure": job.failure})
        await announce(db, JobEnded(job.id, job.owner_id, job.state))
