"""The steps of a job's state, each one statement that also checks the fence.

A step returns the row as it is now, or None when it did not apply: another attempt, another state.
The statement locks the row until commit, so of two racing steps the second sees the first's result.
Leases are measured by the database's clock alone.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    SQLColumnExpression,
    case,
    func,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.dml import ReturningUpdate

from app.core.db import AsyncSession
from app.core.sql import taken
from app.jobs.queries.turns import GPU_QUEUE, next_turn
from app.jobs.states import ACTIVE_STATES, RESUMABLE_STATES, JobState
from app.jobs.tables import Job, Worker
from app.jobs.tokens import AttemptRef

# After so many attempts lost without a checkpoint in between, the job itself is at fault.
MAX_WORKER_LOST = 3
# More attempts than a job can have had since any backup that is worth bringing back.
LEFT_BEHIND = 1000

Json = Mapping[str, object]


def _now() -> ColumnElement[datetime]:
    return func.clock_timestamp()


def _after(seconds: float) -> ColumnElement[datetime]:
    return func.clock_timestamp() + timedelta(seconds=seconds)


def _state(state: JobState) -> ColumnElement[JobState]:
    return literal(state, Job.state.type)


def _unless(condition: SQLColumnExpression[bool], value: Json | None) -> ColumnElement[Any]:
    """Return a JSON value that is null where the condition holds."""
    if value is None:
        return null()
    return case((condition, null()), else_=literal(value, JSONB()))


async def _one(db: AsyncSession, statement: ReturningUpdate[Job]) -> Job | None:
    fresh = statement.execution_options(populate_existing=True)
    return (await db.scalars(fresh)).one_or_none()


def num_processes(worker: Worker, queue: str) -> int:
    """Return how many processes of one run a worker has room for: GPUs, or cores; at least one."""
    told = worker.capabilities
    room = len(told.get("gpus", ())) if queue == GPU_QUEUE else int(told.get("cpu_count", 1))
    return max(1, room)


async def claim(
    db: AsyncSession, worker: Worker, queues: Collection[str], lease_s: float
) -> Job | None:
    """Lease the job whose turn it is to a worker that can run it; its attempt grows by one."""
    room = {"gpus": num_processes(worker, GPU_QUEUE), "cores": num_processes(worker, "")}
    return await _one(
        db,
        update(Job)
        .where(Job.id.in_(next_turn(db, queues, **room)))
        .values(
            state=JobState.LEASED,
            attempt=Job.attempt + 1,
            worker_id=worker.id,
            lease_until=_after(lease_s),
            started_at=func.coalesce(Job.started_at, _now()),
        )
        .returning(Job),
    )


def _held(ref: AttemptRef) -> ColumnElement[bool]:
    return (Job.id == ref.job_id) & (Job.attempt == ref.attempt) & Job.state.in_(ACTIVE_STATES)


@dataclass(frozen=True)
class Held:
    """What the hot path needs of a held job; its recipe, plan and result are long."""

    cancel_requested: bool
    worker_id: int | None


@dataclass(frozen=True)
class Numbers:
    """The last event and log numbers given out, and the job's attempt."""

    event_seq: int
    log_seq: int
    attempt: int


async def extend(
    db: AsyncSession, ref: AttemptRef, lease_s: float, progress: float | None
) -> Held | None:
    """Make the lease of an attempt last `lease_s` from now."""
    values = {"lease_until": _after(lease_s)}
    told = {"progress": progress} if progress is not None else {}
    statement = (
        update(Job)
        .where(_held(ref))
        .values(**values, **told)
        .returning(Job.cancel_requested, Job.worker_id)
        .execution_options(synchronize_session=False)
    )
    row = (await db.execute(statement)).one_or_none()
    return Held(*row) if row else None


async def take_numbers(db: AsyncSession, job_id: int, num_events: int, num_lines: int) -> Numbers:
    """Reserve the next event and log numbers; return the last ones reserved."""
    statement = (
        update(Job)
        .where(Job.id == job_id)
        .values(event_seq=Job.event_seq + num_events, log_seq=Job.log_seq + num_lines)
        .returning(Job.event_seq, Job.log_seq, Job.attempt)
        .execution_options(synchronize_session=False)
    )
    return Numbers(*(await db.execute(statement)).one())


async def lock_attempt(db: AsyncSession, ref: AttemptRef) -> Held | None:
    """Lock the job's row for the rest of the transaction if the attempt still holds it."""
    statement = select(Job.cancel_requested, Job.worker_id).where(_held(ref)).with_for_update()
    row = (await db.execute(statement)).one_or_none()
    return Held(*row) if row else None


async def advance(db: AsyncSession, ref: AttemptRef, state: JobState) -> Job | None:
    """Move a held job forward, leased → running → finalizing; never backward."""
    earlier = ACTIVE_STATES[: ACTIVE_STATES.index(state)]
    return await _one(
        db,
        update(Job).where(_held(ref), Job.state.in_(earlier)).values(state=state).returning(Job),
    )


async def note_progress_kept(db: AsyncSession, ref: AttemptRef) -> Job | None:
    """Forgive earlier lost attempts: a checkpoint was stored, so the job gets somewhere."""
    return await _one(db, update(Job).where(_held(ref)).values(worker_lost_count=0).returning(Job))


async def end(
    db: AsyncSession,
    ref: AttemptRef,
    state: JobState,
    *,
    result: Json | None = None,
    failure: Json | None = None,
    fingerprint: str = "",
) -> Job | None:
    """End a held job as `state`; as cancelled, without a result, when that was asked for before."""
    cancelled = Job.cancel_requested
    return await _one(
        db,
        update(Job)
        .where(_held(ref))
        .values(
            state=case((cancelled, _state(JobState.CANCELLED)), else_=_state(state)),
            result=_unless(cancelled, result),
            failure=_unless(cancelled, failure),
            fingerprint=case((cancelled, ""), else_=fingerprint),
            progress=1.0 if state is JobState.SUCCEEDED else Job.progress,
            lease_until=None,
            finished_at=_now(),
        )
        .returning(Job),
    )


async def requeue(db: AsyncSession, ref: AttemptRef) -> Job | None:
    """Put a held job back into its queue, uncharged; a job to be cancelled ends instead."""
    return await _one(
        db,
        update(Job)
        .where(_held(ref))
        .values(
            state=case(
                (Job.cancel_requested, _state(JobState.CANCELLED)), else_=_state(JobState.QUEUED)
            ),
            finished_at=case((Job.cancel_requested, _now()), else_=None),
            queued_at=_now(),
            lease_until=None,
            worker_id=None,
        )
        .returning(Job),
    )


async def expire(db: AsyncSession, failure: Json, fingerprint: str, limit: int = 100) -> list[Job]:
    """Take back jobs whose lease has run out; those lost too often fail with `failure`."""
    overdue = (
        select(Job.id)
        .where(Job.state.in_(ACTIVE_STATES), Job.lease_until < _now())
        .order_by(Job.lease_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    hopeless = Job.worker_lost_count >= MAX_WORKER_LOST
    statement = (
        update(Job)
        .where(Job.id.in_(taken(overdue)))
        .values(
            state=case(
                (Job.cancel_requested, _state(JobState.CANCELLED)),
                (hopeless, _state(JobState.FAILED)),
                else_=_state(JobState.QUEUED),
            ),
            failure=_unless(Job.cancel_requested | ~hopeless, failure),
            fingerprint=case((~Job.cancel_requested & hopeless, fingerprint), else_=""),
            finished_at=case((or_(Job.cancel_requested, hopeless), _now()), else_=None),
            worker_lost_count=Job.worker_lost_count + 1,
            queued_at=_now(),
            lease_until=None,
            worker_id=None,
        )
        .returning(Job)
        .execution_options(populate_existing=True)
    )
    return list((await db.scalars(statement)).all())


async def request_cancel(db: AsyncSession, job_id: int) -> Job | None:
    """End a waiting job, or ask the worker of a held one to stop; None once it is final."""
    waiting = Job.state == JobState.QUEUED
    return await _one(
        db,
        update(Job)
        .where(Job.id == job_id, Job.state.in_((JobState.QUEUED, *ACTIVE_STATES)))
        .values(
            cancel_requested=True,
            state=case((waiting, _state(JobState.CANCELLED)), else_=Job.state),
            finished_at=case((waiting, _now()), else_=None),
        )
        .returning(Job),
    )


async def reopen(db: AsyncSession, job_id: int) -> Job | None:
    """Queue a failed or cancelled job again; None in any other state."""
    return await _one(
        db,
        update(Job)
        .where(Job.id == job_id, Job.state.in_(RESUMABLE_STATES))
        .values(
            state=JobState.QUEUED,
            cancel_requested=False,
            worker_lost_count=0,
            failure=None,
            fingerprint="",
            finished_at=None,
            queued_at=_now(),
            worker_id=None,
        )
        .returning(Job),
    )


async def leave_attempts_behind(db: AsyncSession) -> None:
    """Raise the fence of every job that is not over, so that no attempt of before fits it."""
    open_states = (JobState.QUEUED, *ACTIVE_STATES)
    statement = update(Job).where(Job.state.in_(open_states))
    await db.execute(statement.values(attempt=Job.attempt + LEFT_BEHIND))


async def held_jobs(db: AsyncSession) -> list[Job]:
    """Return every job that a worker holds, the oldest first; there is one for each worker."""
    held = select(Job).where(Job.state.in_(ACTIVE_STATES)).order_by(Job.id).limit(10_000)
    return list((await db.scalars(held.execution_options(populate_existing=True))).all())


async def see_worker(db: AsyncSession, worker_id: int) -> Worker | None:
    """Remember that a worker spoke just now."""
    statement = (
        update(Worker)
        .where(Worker.id == worker_id)
        .values(last_seen_at=_now())
        .returning(Worker)
        .execution_options(populate_existing=True)
    )
    return (await db.scalars(statement)).one_or_none()
