"""Reading what a job left, once the viewer may see the job."""

from collections.abc import Collection, Sequence

import structlog
from pydantic import ValidationError

from app.core.db import AsyncSession
from app.jobs.queries import history
from app.jobs.queries import jobs as job_queries
from app.jobs.schemas import HeadlineOut
from app.jobs.tables import Attempt, Checkpoint, Job, JobEvent, LogLine, Point
from worker.contract.manifest import Result

log = structlog.get_logger(__name__)


def result_of(job: Job) -> Result | None:
    """Return the result of a job; None without one, or with one that this release cannot read."""
    if job.result is None:
        return None
    try:
        return Result.model_validate(job.result)
    except ValidationError as error:
        log.warning("result_unreadable", job_id=job.id, fields=error.error_count())
        return None


def headline_of(job: Job) -> HeadlineOut | None:
    """Return the headline measure of a result; None without one."""
    result = job.result or {}
    splits = result.get("splits")
    split = splits.get(result.get("split")) if isinstance(splits, dict) else None
    if not isinstance(split, dict):
        return None
    metric, value = split.get("metric"), split.get("value")
    if not isinstance(metric, str) or not isinstance(value, float | int):
        return None
    return HeadlineOut(metric=metric, value=value)


async def jobs_by_id(db: AsyncSession, ids: Collection[int]) -> dict[int, Job]:
    """Return jobs by id; the caller answers for what of them may be shown."""
    return {job.id: job for job in await job_queries.jobs_by_id(db, ids)} if ids else {}


async def events_after(db: AsyncSession, job: Job, after: int, limit: int) -> Sequence[JobEvent]:
    """Return events numbered above `after`, in order."""
    return await history.events_after(db, job.id, after, limit)


async def log_lines(
    db: AsyncSession, job: Job, after: int, tail: int | None, limit: int
) -> Sequence[LogLine]:
    """Return log lines in order: those after a number, or the last `tail` ones."""
    return await history.log_lines(db, job.id, after, tail, limit)


async def newest_point(db: AsyncSession, job: Job) -> Point | None:
    """Return the numbers of the last step that was reported."""
    return await history.newest_point(db, job.id)


async def attempts_of(db: AsyncSession, job: Job) -> Sequence[Attempt]:
    """Return every attempt, oldest first."""
    return await history.attempts_of(db, job.id)


async def checkpoints_of(db: AsyncSession, job: Job) -> Sequence[Checkpoint]:
    """Return every complete checkpoint, oldest first."""
    return await history.checkpoints_of(db, job.id)
