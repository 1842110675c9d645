"""Bounties by question, by giver, and those whose time is over."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select, update

from app.bounties.schemas import State
from app.bounties.tables import Bounty
from app.core.clock import now
from app.core.db import AsyncSession


async def open_of(db: AsyncSession, question_id: int) -> Bounty | None:
    """Return what can be won here, held until the transaction ends."""
    statement = (
        select(Bounty)
        .where(Bounty.question_id == question_id, Bounty.state == State.OPEN)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return await db.scalar(statement)


async def of_question(db: AsyncSession, question_id: int, limit: int) -> Sequence[Bounty]:
    """Return the bounties of a question, the newest first."""
    statement = select(Bounty).where(Bounty.question_id == question_id)
    return (await db.scalars(statement.order_by(Bounty.id.desc()).limit(limit))).all()


async def by_ids(db: AsyncSession, ids: Collection[int]) -> dict[int, Bounty]:
    """Return bounties by number."""
    rows = await db.scalars(select(Bounty).where(Bounty.id.in_(ids)))
    return {row.id: row for row in rows}


async def count_open_of(db: AsyncSession, giver_id: int) -> int:
    """Return how many bounties of somebody can be won."""
    statement = select(func.count()).where(Bounty.giver_id == giver_id, Bounty.state == State.OPEN)
    return await db.scalar(statement) or 0


async def due(db: AsyncSession, ended_before: datetime, limit: int) -> list[tuple[int, int]]:
    """Return open bounties that ended before a moment as (bounty, question), the oldest first."""
    statement = (
        select(Bounty.id, Bounty.question_id)
        .where(Bounty.state == State.OPEN, Bounty.ends_at <= ended_before)
        .order_by(Bounty.ends_at)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in await db.execute(statement)]


async def remind(db: AsyncSession, limit: int) -> list[tuple[int, int]]:
    """Return open bounties whose days are over and whose givers were not told yet, each once."""
    moment = now()
    ended = (
        select(Bounty.id)
        .where(Bounty.state == State.OPEN, Bounty.ends_at <= moment, Bounty.reminded_at.is_(None))
        .order_by(Bounty.ends_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("taken")
    )
    statement = (
        update(Bounty)
        .where(Bounty.id.in_(select(ended.c.id)))
        .values(reminded_at=moment)
        .returning(Bounty.id, Bounty.question_id)
        .execution_options(synchronize_session=False)
    )
    return [(row[0], row[1]) for row in await db.execute(statement)]
