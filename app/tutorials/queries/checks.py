"""Reads of the nightly checks: which tutorials are due, and how the last one ended."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from app.core.clock import now
from app.core.db import AsyncSession
from app.tutorials.schemas import CheckState
from app.tutorials.tables import CheckChoice, CheckRun, Tutorial, TutorialCheck, TutorialVersion

_VERDICTS = (CheckState.PASSED, CheckState.BROKEN)


def _is_watched() -> ColumnElement[bool]:
    chosen = select(CheckChoice.is_on).where(CheckChoice.tutorial_id == Tutorial.id)
    # Without a word about it: what came with the site is watched, what people wrote is not.
    return func.coalesce(chosen.scalar_subquery(), Tutorial.owner_id.is_(None))


def _is_shown() -> ColumnElement[bool]:
    published = exists().where(TutorialVersion.tutorial_id == Tutorial.id)
    return and_(published, Tutorial.held_at.is_(None))


async def is_watched(db: AsyncSession, tutorial_id: int) -> bool:
    """Whether a tutorial is checked every night."""
    return bool(await db.scalar(select(_is_watched()).where(Tutorial.id == tutorial_id)))


async def watched(db: AsyncSession, limit: int) -> Sequence[Tutorial]:
    """Return the tutorials that are checked every night."""
    statement = select(Tutorial).where(_is_watched(), _is_shown()).order_by(Tutorial.id)
    return (await db.scalars(statement.limit(limit))).all()


async def next_due(db: AsyncSession, before: datetime) -> Tutorial | None:
    """Return the watched tutorial whose last check is the longest ago, and before a moment."""
    last = (
        select(func.max(TutorialCheck.started_at))
        .where(TutorialCheck.tutorial_id == Tutorial.id)
        .scalar_subquery()
    )
    statement = (
        select(Tutorial)
        .where(_is_watched(), _is_shown(), or_(last.is_(None), last < before))
        .order_by(last.asc().nulls_first(), Tutorial.id)
        .limit(1)
    )
    return await db.scalar(statement)


async def choose(db: AsyncSession, tutorial_id: int, by_id: int, *, is_on: bool) -> None:
    """Keep whether a tutorial is checked, and who said so."""
    values = {"is_on": is_on, "by_id": by_id, "changed_at": now()}
    new = insert(CheckChoice).values(tutorial_id=tutorial_id, **values)
    await db.execute(new.on_conflict_do_update(index_elements=["tutorial_id"], set_=values))


async def chooser(db: AsyncSession, tutorial_id: int) -> int | None:
    """Return who had a tutorial checked."""
    statement = select(CheckChoice.by_id).where(
        CheckChoice.tutorial_id == tutorial_id, CheckChoice.is_on
    )
    return await db.scalar(statement)


async def verdict(db: AsyncSession, tutorial_id: int, before: int = 2**62) -> TutorialCheck | None:
    """Return the newest check that came to something, of those numbered below `before`."""
    statement = (
        select(TutorialCheck)
        .where(
            TutorialCheck.tutorial_id == tutorial_id,
            TutorialCheck.state.in_(_VERDICTS),
            TutorialCheck.id < before,
        )
        .order_by(TutorialCheck.id.desc())
        .limit(1)
    )
    return await db.scalar(statement)


async def running(
    db: AsyncSession, tutorial_id: int | None = None, *, limit: int = 50
) -> Sequence[TutorialCheck]:
    """Return checks that have not ended, of one tutorial or of all; held until commit."""
    statement = (
        select(TutorialCheck)
        .where(TutorialCheck.state == CheckState.RUNNING)
        .order_by(TutorialCheck.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if tutorial_id is not None:
        statement = statement.where(TutorialCheck.tutorial_id == tutorial_id)
    return (await db.scalars(statement)).all()


async def untold(db: AsyncSession, limit: int) -> Sequence[TutorialCheck]:
    """Return checks that came to something of which nobody was told; held until commit."""
    statement = (
        select(TutorialCheck)
        .where(TutorialCheck.state.in_(_VERDICTS), TutorialCheck.told_at.is_(None))
        .order_by(TutorialCheck.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await db.scalars(statement)).all()


async def runs_of(db: AsyncSession, check_ids: Collection[int]) -> Sequence[CheckRun]:
    """Return the jobs of checks, in the order they were queued."""
    statement = select(CheckRun).where(CheckRun.check_id.in_(check_ids)).order_by(CheckRun.job_id)
    return (await db.scalars(statement.limit(1000))).all()


async def try_lock(db: AsyncSession, name: str) -> bool:
    """Take the advisory lock `name` until the transaction ends; False if somebody holds it."""
    statement = select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0)))
    return bool(await db.scalar(statement))
