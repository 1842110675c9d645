"""Workers, queues and failures as those who run the site see them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update

from app.core.db import AsyncSession
from app.jobs.states import ACTIVE_STATES, JobState
from app.jobs.tables import Job, Worker

_MOST = 500
_NEWEST = 1000


def _age_s(moment: Any) -> Any:
    return func.extract("epoch", func.clock_timestamp() - moment)


async def workers(db: AsyncSession, seen_within: timedelta) -> Sequence[Any]:
    """Return workers with the seconds since each spoke, by the database's own clock."""
    statement = (
        select(Worker, _age_s(Worker.last_seen_at))
        .where(Worker.last_seen_at > func.clock_timestamp() - seen_within)
        .order_by(Worker.name)
        .limit(_MOST)
    )
    return (await db.execute(statement)).all()


async def worker_named(db: AsyncSession, name: str) -> Worker | None:
    """Return a worker, locked."""
    return await db.scalar(select(Worker).where(Worker.name == name).with_for_update())


async def held_jobs(db: AsyncSession, worker_ids: Sequence[int]) -> Sequence[Job]:
    """Return what these workers work on now."""
    statement = select(Job).where(Job.state.in_(ACTIVE_STATES), Job.worker_id.in_(worker_ids))
    return (await db.scalars(statement.order_by(Job.id).limit(_MOST))).all()


async def end_leases(db: AsyncSession, worker_id: int) -> None:
    """Let the leases of a worker be over, so that its jobs go back to their queues."""
    statement = (
        update(Job)
        .where(Job.state.in_(ACTIVE_STATES), Job.worker_id == worker_id)
        .values(lease_until=func.clock_timestamp() - timedelta(seconds=1))
        .execution_options(synchronize_session=False)
    )
    await db.execute(statement)


async def queues(db: AsyncSession) -> Sequence[Any]:
    """Return each queue with jobs in it: its name, how many wait, the oldest's age, its owners."""
    statement = (
        select(
            Job.queue,
            func.count(),
            _age_s(func.min(Job.queued_at)),
            func.count(Job.owner_id.distinct()),
            func.max(Job.processes),
        )
        .where(Job.state == JobState.QUEUED)
        .group_by(Job.queue)
        .order_by(Job.queue)
        .limit(_MOST)
    )
    return (await db.execute(statement)).all()


async def running_in_queues(db: AsyncSession) -> dict[str, int]:
    """Return how many jobs of each queue are being worked on."""
    statement = select(Job.queue, func.count()).where(Job.state.in_(ACTIVE_STATES))
    rows = await db.execute(statement.group_by(Job.queue).limit(_MOST))
    return {queue: number for queue, number in rows}  # noqa: C416  # a row is no pair to mypy


async def num_ended(db: AsyncSession, since: datetime, most: int) -> dict[JobState, int]:
    """Return how many jobs ended since a moment, by state; nobody counts beyond `most`."""
    moment = func.coalesce(Job.finished_at, Job.queued_at)
    ended = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)
    newest = (
        select(Job.state)
        .where(moment >= since, Job.state.in_(ended))
        .order_by(moment.desc())
        .limit(most)
        .subquery()
    )
    rows = await db.execute(select(newest.c.state, func.count()).group_by(newest.c.state))
    return {state: number for state, number in rows}  # noqa: C416  # a row is no pair to mypy


async def waits(db: AsyncSession, since: datetime) -> tuple[float, float] | None:
    """Return half of and 95 % of the waits, in seconds, among the newest jobs that began."""
    newest_ids = select(func.max(Job.id)).scalar_subquery()
    newest = (
        select(func.extract("epoch", Job.started_at - Job.created_at).label("wait"))
        .where(Job.id > newest_ids - _NEWEST * 10, Job.started_at >= since)
        .limit(_NEWEST)
        .subquery()
    )
    half, most = (func.percentile_cont(share).within_group(newest.c.wait) for share in (0.5, 0.95))
    row = (await db.execute(select(half, most))).one()
    return (float(row[0]), float(row[1])) if row[0] is not None else None


async def failures(db: AsyncSession, since: datetime) -> Sequence[Any]:
    """Return failures since a moment in groups of the same fingerprint, the largest first."""
    moment = func.coalesce(Job.finished_at, Job.queued_at)
    recent = (
        select(Job.id, Job.fingerprint, Job.owner_id, Job.finished_at)
        .where(moment >= since, Job.state == JobState.FAILED, Job.fingerprint != "")
        .order_by(moment.desc())
        .limit(20_000)
        .subquery()
    )
    statement = (
        select(
            recent.c.fingerprint,
            func.count().label("number"),
            func.count(recent.c.owner_id.distinct()),
            func.max(recent.c.id),
            func.min(recent.c.finished_at),
            func.max(recent.c.finished_at),
        )
        .group_by(recent.c.fingerprint)
        .order_by(func.count().desc(), recent.c.fingerprint)
        .limit(100)
    )
    return (await db.execute(statement)).all()


async def failed_with(
    db: AsyncSession, fingerprint: str, before: int | None, limit: int
) -> Sequence[Job]:
    """Return the jobs that failed in one way, the newest first."""
    statement = select(Job).where(Job.fingerprint == fingerprint, Job.state == JobState.FAILED)
    if before is not None:
        statement = statement.where(Job.id < before)
    return (await db.scalars(statement.order_by(Job.id.desc()).limit(limit))).all()


async def jobs_of_ids(db: AsyncSession, ids: Sequence[int]) -> Sequence[Job]:
    """Return those of the jobs that exist."""
    return (await db.scalars(select(Job).where(Job.id.in_(ids)))).all() if ids else ()
