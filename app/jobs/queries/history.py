"""What attempts left behind: events, log lines, points of the curves, checkpoints, artifacts."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import BigInteger, column, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB, distinct_on, insert

from app.core.db import AsyncSession
from app.jobs.states import AttemptOutcome
from app.jobs.tables import Artifact, Attempt, Checkpoint, JobEvent, LogLine, Point
from app.jobs.tokens import AttemptRef


async def attempts_of(db: AsyncSession, job_id: int) -> Sequence[Attempt]:
    """Return every attempt, oldest first."""
    statement = select(Attempt).where(Attempt.job_id == job_id).order_by(Attempt.number).limit(1000)
    return (await db.scalars(statement)).all()


async def attempt(db: AsyncSession, ref: AttemptRef) -> Attempt:
    """Return one attempt; there is one for every claim."""
    return await db.get_one(Attempt, (ref.job_id, ref.attempt), populate_existing=True)


async def close_attempt(
    db: AsyncSession, ref: AttemptRef, outcome: AttemptOutcome
) -> tuple[datetime, datetime] | None:
    """Write down how an attempt ended, once; return from when to when it was."""
    row = await db.execute(
        update(Attempt)
        .where(
            Attempt.job_id == ref.job_id,
            Attempt.number == ref.attempt,
            Attempt.outcome.is_(None),
        )
        .values(outcome=outcome, ended_at=func.clock_timestamp())
        .returning(Attempt.started_at, Attempt.ended_at)
        .execution_options(synchronize_session=False)
    )
    found = row.one_or_none()
    return (found[0], found[1] or found[0]) if found else None


async def events_after(
    db: AsyncSession, job_id: int, after: int, limit: int, kinds: Collection[str] = ()
) -> Sequence[JobEvent]:
    """Return events numbered above `after`, in order; of some kinds only, if any are named."""
    statement = (
        select(JobEvent)
        .where(JobEvent.job_id == job_id, JobEvent.seq > after)
        .order_by(JobEvent.seq)
        .limit(limit)
    )
    if kinds:
        statement = statement.where(JobEvent.kind.in_(kinds))
    return (await db.scalars(statement)).all()


async def events_of_kind(
    db: AsyncSession, job_ids: Collection[int], kind: str
) -> Sequence[JobEvent]:
    """Return the events of one kind of some jobs, in order."""
    statement = (
        select(JobEvent)
        .where(JobEvent.job_id.in_(job_ids), JobEvent.kind == kind)
        .order_by(JobEvent.job_id, JobEvent.seq)
    )
    return (await db.scalars(statement)).all()


async def log_lines(
    db: AsyncSession, job_id: int, after: int, tail: int | None, limit: int
) -> Sequence[LogLine]:
    """Return log lines in order: those after a number, or the last `tail` ones."""
    lines = select(LogLine).where(LogLine.job_id == job_id)
    if tail is None:
        statement = lines.where(LogLine.number > after).order_by(LogLine.number).limit(limit)
        return (await db.scalars(statement)).all()
    statement = lines.order_by(LogLine.number.desc()).limit(min(tail, limit))
    return (await db.scalars(statement)).all()[::-1]


async def save_points(
    db: AsyncSession, ref: AttemptRef, points: Sequence[Mapping[str, object]]
) -> None:
    """Insert points (step, epoch, stage, numbers); those of a step already there are replaced.

    They travel as one JSON value: a statement with a row for each would cost ten times as much.
    """
    if not points:
        return
    names = ("step", "epoch", "stage", "numbers")
    rows = (
        func.jsonb_to_recordset(literal(list(points), JSONB()))
        .table_valued(*(column(name, Point.__table__.c[name].type) for name in names))
        .render_derived(with_types=True)
    )
    chosen = select(
        literal(ref.job_id, BigInteger()), literal(ref.attempt), *(rows.c[n] for n in names)
    )
    statement = insert(Point).from_select(["job_id", "attempt", *names], chosen)
    replaced = {name: statement.excluded[name] for name in ("attempt", "stage", "epoch", "numbers")}
    await db.execute(
        statement.on_conflict_do_update(index_elements=[Point.job_id, Point.step], set_=replaced)
    )


async def num_points(db: AsyncSession, job_id: int) -> int:
    """Return how many steps have been reported."""
    return (await db.scalars(select(func.count()).where(Point.job_id == job_id))).one()


async def sampled_points(db: AsyncSession, job_id: int, limit: int) -> Sequence[Point]:
    """Return at most about `limit` points spread evenly over the steps; the last one is kept."""
    every = max(1, -(-await num_points(db, job_id) // limit))
    position = func.row_number().over(order_by=Point.step.desc())
    numbered = (
        select(Point.step, (position - 1).label("position"))
        .where(Point.job_id == job_id)
        .subquery()
    )
    chosen = select(numbered.c.step).where(numbered.c.position % every == 0)
    statement = (
        select(Point).where(Point.job_id == job_id, Point.step.in_(chosen)).order_by(Point.step)
    )
    return (await db.scalars(statement)).all()


async def newest_point(db: AsyncSession, job_id: int) -> Point | None:
    """Return the numbers of the last step that was reported."""
    statement = select(Point).where(Point.job_id == job_id).order_by(Point.step.desc()).limit(1)
    return (await db.scalars(statement)).one_or_none()


async def save_artifact(db: AsyncSession, artifact: dict[str, object]) -> None:
    """Insert an artifact, or replace the attempt's earlier one of the same path."""
    statement = insert(Artifact).values(**artifact)
    replaced = {name: statement.excluded[name] for name in ("kind", "sha256", "size")}
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=[Artifact.job_id, Artifact.attempt, Artifact.path], set_=replaced
        )
    )


async def artifacts_of(db: AsyncSession, job_id: int) -> Sequence[Artifact]:
    """Return the newest artifact of every path, sorted by path."""
    statement = (
        select(Artifact)
        .where(Artifact.job_id == job_id)
        .ext(distinct_on(Artifact.path))
        .order_by(Artifact.path, Artifact.attempt.desc())
        .limit(10_000)
    )
    return (await db.scalars(statement)).all()


async def artifact_at(db: AsyncSession, job_id: int, path: str) -> Artifact | None:
    """Return the newest artifact called `path`."""
    statement = (
        select(Artifact)
        .where(Artifact.job_id == job_id, Artifact.path == path)
        .order_by(Artifact.attempt.desc())
        .limit(1)
    )
    return (await db.scalars(statement)).one_or_none()


async def stored_files(
    db: AsyncSession, job_id: int, paths: Collection[str]
) -> set[tuple[str, str]]:
    """Return (path, sha256) of every artifact of a job that has one of the paths."""
    statement = select(Artifact.path, Artifact.sha256).where(
        Artifact.job_id == job_id, Artifact.path.in_(paths)
    )
    return {(path, sha256) for path, sha256 in (await db.execute(statement)).all()}


async def checkpoints_of(db: AsyncSession, job_id: int) -> Sequence[Checkpoint]:
    """Return every complete checkpoint, oldest first."""
    statement = (
        select(Checkpoint).where(Checkpoint.job_id == job_id).order_by(Checkpoint.id).limit(10_000)
    )
    return (await db.scalars(statement)).all()


async def newest_checkpoint(db: AsyncSession, job_id: int) -> Checkpoint | None:
    """Return the complete checkpoint that is furthest along; of equals the last stored."""
    statement = (
        select(Checkpoint)
        .where(Checkpoint.job_id == job_id)
        .order_by(Checkpoint.step.desc(), Checkpoint.epoch.desc(), Checkpoint.id.desc())
        .limit(1)
    )
    return (await db.scalars(statement)).one_or_none()


async def has_checkpoint(db: AsyncSession, checkpoint: Checkpoint) -> bool:
    """Whether the same checkpoint of the same attempt was stored before."""
    same = select(Checkpoint.id).where(
        Checkpoint.job_id == checkpoint.job_id,
        Checkpoint.attempt == checkpoint.attempt,
        Checkpoint.stage == checkpoint.stage,
        Checkpoint.epoch == checkpoint.epoch,
        Checkpoint.step == checkpoint.step,
    )
    return (await db.scalars(same)).first() is not None
