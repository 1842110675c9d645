"""Reading jobs, their inputs, workers, and submissions that were sent before."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, false, func, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import defer

from app.core.db import AsyncSession
from app.core.security import Scope, Viewer
from app.jobs.queries.turns import GPU_QUEUE, INTERACTIVE
from app.jobs.states import ACTIVE_STATES, JobState
from app.jobs.tables import Attempt, IdempotencyKey, Job, JobInput, Worker
from app.jobs.tokens import AttemptRef

# A worker that was silent for longer is not counted on.
_LIVE = timedelta(minutes=2)


async def job_by_id(db: AsyncSession, job_id: int) -> Job | None:
    """Return the job as it is in the database now."""
    return await db.get(Job, job_id, populate_existing=True)


async def jobs_by_id(
    db: AsyncSession, job_ids: Collection[int], limit: int = 1000
) -> Sequence[Job]:
    """Return these jobs without their plans, by number; the newest where there are too many."""
    statement = (
        select(Job)
        .where(Job.id.in_(job_ids))
        .order_by(Job.id.desc())
        .limit(limit)
        .options(defer(Job.plan), defer(Job.recipe))
    )
    return (await db.scalars(statement)).all()[::-1]


async def attempt_holder(db: AsyncSession, ref: AttemptRef) -> Job | None:
    """Return the job if `ref` is its current attempt and a worker holds it."""
    job = await job_by_id(db, ref.job_id)
    if job is None or job.attempt != ref.attempt or not job.state.is_active:
        return None
    return job


async def jobs_of(  # what a list is narrowed to
    db: AsyncSession,
    owner_id: int,
    states: Collection[JobState],
    before: int | None,
    limit: int,
    labels: Mapping[str, str] | None = None,
) -> Sequence[Job]:
    """Return the newest jobs of an owner; `before` is the id of the last one already seen."""
    statement = select(Job).where(Job.owner_id == owner_id).order_by(Job.id.desc()).limit(limit)
    for key, value in (labels or {}).items():
        told = Job.labels[key].astext
        # A job is called by its title until somebody gives it another name.
        told = func.coalesce(told, Job.title) if key == "name" else told
        statement = statement.where(told == value)
    if states:
        statement = statement.where(Job.state.in_(states))
    if before is not None:
        statement = statement.where(Job.id < before)
    return (await db.scalars(statement)).all()


def is_visible(viewer: Viewer, number: Any) -> ColumnElement[bool]:
    """Return the condition that there is a job of this number, and the viewer may steer it."""
    if viewer.user_id is None or Scope.JOBS_READ not in viewer.scopes:
        return false()
    mine = true() if viewer.is_admin else Job.owner_id == viewer.user_id
    return exists().where(Job.id == number, mine)


async def changed_since(
    db: AsyncSession, moment: datetime, after_id: int, limit: int
) -> list[tuple[datetime, int]]:
    """Return when jobs were queued or ended after a moment, and their ids, the earliest first."""
    changed: Any = func.coalesce(Job.finished_at, Job.queued_at)
    statement = select(changed, Job.id).where(tuple_(changed, Job.id) > (moment, after_id))
    rows = await db.execute(statement.order_by(changed, Job.id).limit(limit))
    return [(moment, number) for moment, number in rows]


async def ended_between(
    db: AsyncSession, start: datetime, end: datetime, limit: int
) -> Sequence[Job]:
    """Return which jobs ended in a span of time, the first first."""
    # As the index has it; of those that have ended it is when they did.
    changed: Any = func.coalesce(Job.finished_at, Job.queued_at)
    statement = select(Job).where(changed >= start, changed < end, Job.finished_at.is_not(None))
    return (await db.scalars(statement.order_by(changed, Job.id).limit(limit))).all()


async def num_queued(db: AsyncSession, owner_id: int) -> int:
    """Return how many jobs of an owner wait."""
    statement = select(func.count()).where(Job.owner_id == owner_id, Job.state == JobState.QUEUED)
    return (await db.scalars(statement)).one()


async def num_active(db: AsyncSession, owner_id: int) -> int:
    """Return how many jobs of an owner a worker holds."""
    statement = select(func.count()).where(Job.owner_id == owner_id, Job.state.in_(ACTIVE_STATES))
    return (await db.scalars(statement)).one()


async def num_interactive(db: AsyncSession, owner_id: int) -> int:
    """Return how many jobs of an owner go first and have not ended."""
    statement = select(func.count()).where(
        Job.owner_id == owner_id,
        Job.priority == INTERACTIVE,
        Job.state.in_((JobState.QUEUED, *ACTIVE_STATES)),
    )
    return (await db.scalars(statement)).one()


async def running_gpu_seconds(db: AsyncSession, owner_id: int) -> float:
    """Return the GPU-seconds of the attempts that run now, which are charged when they end."""
    age = func.extract("epoch", func.clock_timestamp() - Attempt.started_at)
    statement = (
        select(func.coalesce(func.sum(age * Job.processes), 0.0))
        .join(Attempt, (Attempt.job_id == Job.id) & (Attempt.number == Job.attempt))
        .where(Job.owner_id == owner_id, Job.state.in_(ACTIVE_STATES), Job.queue == GPU_QUEUE)
    )
    return float((await db.scalars(statement)).one())


async def waiting_queues(db: AsyncSession) -> Sequence[str]:
    """Return the queues in which a job waits."""
    statement = select(Job.queue).where(Job.state == JobState.QUEUED).distinct()
    return (await db.scalars(statement)).all()


async def inputs_of(db: AsyncSession, job_ids: Collection[int]) -> Sequence[JobInput]:
    """Return what the jobs read, in the order base, data, test."""
    statement = (
        select(JobInput)
        .where(JobInput.job_id.in_(job_ids))
        .order_by(JobInput.job_id, JobInput.role)
    )
    return (await db.scalars(statement)).all()


async def save_worker(
    db: AsyncSession,
    name: str,
    queues: Sequence[str],
    capabilities: Mapping[str, object],
    version: str,
) -> Worker:
    """Insert or refresh the row of the worker called `name`."""
    values = {"queues": list(queues), "capabilities": dict(capabilities), "version": version}
    statement = (
        insert(Worker)
        .values(name=name, **values)
        .on_conflict_do_update(
            index_elements=[Worker.name],
            set_={
                **values,
                "registered_at": func.clock_timestamp(),
                "last_seen_at": func.clock_timestamp(),
            },
        )
        .returning(Worker)
        .execution_options(populate_existing=True)
    )
    return (await db.scalars(statement)).one()


async def live_workers(db: AsyncSession) -> Sequence[Worker]:
    """Return the workers that spoke within the last two minutes."""
    statement = (
        select(Worker)
        .where(Worker.last_seen_at > func.clock_timestamp() - _LIVE)
        .order_by(Worker.name)
        .limit(1000)
    )
    return (await db.scalars(statement)).all()


async def worker_name(db: AsyncSession, worker_id: int) -> str | None:
    """Return the name of a worker."""
    return (await db.scalars(select(Worker.name).where(Worker.id == worker_id))).one_or_none()


async def try_lock(db: AsyncSession, name: str) -> bool:
    """Take the advisory lock `name` until the transaction ends; False if somebody holds it."""
    statement = select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0)))
    return bool((await db.scalars(statement)).one())


async def lock(db: AsyncSession, name: str) -> None:
    """Take the advisory lock `name` until the transaction ends, waiting for it."""
    await db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


async def idempotency_key(db: AsyncSession, user_id: int, key: str) -> IdempotencyKey | None:
    """Return what was submitted before under `key`."""
    return await db.get(IdempotencyKey, (user_id, key))


async def forget_old_keys(db: AsyncSession, older_than: timedelta) -> None:
    """Delete idempotency keys of long ago."""
    await db.execute(
        delete(IdempotencyKey).where(
            IdempotencyKey.created_at < func.clock_timestamp() - older_than
        )
    )


async def set_published(db: AsyncSession, job_id: int, repository_id: int) -> None:
    """Remember the model repository that a job's result became."""
    await db.execute(
        update(Job).where(Job.id == job_id).values(published_repository_id=repository_id)
    )


async def published_as(db: AsyncSession, repository_id: int) -> Job | None:
    """Return the newest job whose result is this model repository."""
    statement = (
        select(Job)
        .where(Job.published_repository_id == repository_id)
        .order_by(Job.id.desc())
        .limit(1)
        .options(defer(Job.plan))
    )
    return await db.scalar(statement)
