"""Reading sweeps and their trials."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select

from app.core.db import AsyncSession
from app.jobs.schemas import JobState
from app.jobs.service import Job
from app.sweeps.tables import Sweep, Trial


class JobFacts(NamedTuple):
    """What a sweep needs to know of a job; plans and results are long and stay where they are."""

    id: int
    state: JobState
    cancel_requested: bool
    progress: float
    failure: dict[str, Any] | None
    started_at: datetime | None
    finished_at: datetime | None


class TrialRow(NamedTuple):
    """A trial with its job."""

    trial: Trial
    job: JobFacts


async def sweep_by_id(db: AsyncSession, sweep_id: int) -> Sweep | None:
    """Return the sweep as it is in the database now."""
    return await db.get(Sweep, sweep_id, populate_existing=True)


async def try_lock_sweep(db: AsyncSession, sweep_id: int) -> bool:
    """Take the sweep until the transaction ends; False if another process has it."""
    name = func.hashtextextended(f"sweeps.advance:{sweep_id}", 0)
    return bool((await db.scalars(select(func.pg_try_advisory_xact_lock(name)))).one())


async def lock_sweep(db: AsyncSession, sweep_id: int) -> None:
    """Take the sweep until the transaction ends, waiting for it."""
    name = func.hashtextextended(f"sweeps.advance:{sweep_id}", 0)
    await db.execute(select(func.pg_advisory_xact_lock(name)))


async def lock_owner(db: AsyncSession, owner_id: int) -> None:
    """Let one sweep of a person begin at a time, so that their limit holds."""
    name = func.hashtextextended(f"sweeps.begin:{owner_id}", 0)
    await db.execute(select(func.pg_advisory_xact_lock(name)))


async def sweeps_of(
    db: AsyncSession, owner_id: int, before: int | None, limit: int
) -> Sequence[Sweep]:
    """Return the newest sweeps of an owner; `before` is the id of the last one already seen."""
    statement = select(Sweep).where(Sweep.owner_id == owner_id)
    if before is not None:
        statement = statement.where(Sweep.id < before)
    return (await db.scalars(statement.order_by(Sweep.id.desc()).limit(limit))).all()


async def open_ids(db: AsyncSession) -> Sequence[int]:
    """Return the sweeps that have not ended, oldest first."""
    statement = select(Sweep.id).where(Sweep.finished_at.is_(None)).order_by(Sweep.id).limit(1000)
    return (await db.scalars(statement)).all()


async def num_open(db: AsyncSession, owner_id: int) -> int:
    """Return how many sweeps of an owner have not ended."""
    statement = select(func.count()).where(Sweep.owner_id == owner_id, Sweep.finished_at.is_(None))
    return (await db.scalars(statement)).one()


async def trials_of(db: AsyncSession, sweep_ids: Collection[int]) -> Sequence[TrialRow]:
    """Return the trials of some sweeps with their jobs, in the order they were begun."""
    facts = [getattr(Job, name) for name in JobFacts._fields]
    statement = (
        select(Trial, *facts)
        .join(Job, Job.id == Trial.job_id)
        .where(Trial.sweep_id.in_(sweep_ids))
        .order_by(Trial.sweep_id, Trial.id)
        .execution_options(populate_existing=True)
    )
    rows = (await db.execute(statement)).all()
    return [TrialRow(row[0], JobFacts(*row[1:])) for row in rows]


async def results_of(db: AsyncSession, job_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """Return the measured splits of jobs that have a result."""
    statement = select(Job.id, Job.result["splits"]).where(
        Job.id.in_(job_ids), Job.result.is_not(None)
    )
    rows = await db.execute(statement)
    return {job_id: splits for job_id, splits in rows if isinstance(splits, dict)}
