"""Notifications that wait to be mailed."""

from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlalchemy import func, select, update

from app.core.db import AsyncSession
from app.notifications.schemas import Pace
from app.notifications.tables import Notification

_NOW = func.clock_timestamp()


async def take_instant(db: AsyncSession, limit: int) -> Sequence[Notification]:
    """Return what is to be mailed at once, held until the transaction ends."""
    statement = (
        select(Notification)
        .where(Notification.mail == Pace.INSTANT, Notification.mailed_at.is_(None))
        .order_by(Notification.created_at, Notification.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await db.scalars(statement)).all()


async def due_for_digest(
    db: AsyncSession, pace: Pace, period: timedelta, limit: int
) -> Sequence[int]:
    """Return whose oldest news that waits for a letter of this pace is a whole period old."""
    statement = (
        select(Notification.person_id)
        .where(
            Notification.mail == pace,
            Notification.mailed_at.is_(None),
            Notification.created_at <= _NOW - period,
        )
        .distinct()
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def take_digest(
    db: AsyncSession, person_id: int, pace: Pace, limit: int
) -> Sequence[Notification]:
    """Return what waits for a person's next letter, held until the transaction ends."""
    statement = (
        select(Notification)
        .where(
            Notification.person_id == person_id,
            Notification.mail == pace,
            Notification.mailed_at.is_(None),
        )
        .order_by(Notification.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await db.scalars(statement)).all()


async def settle(db: AsyncSession, ids: Collection[int]) -> None:
    """These need no letter any more: it is written, or nobody would get it."""
    statement = update(Notification).where(Notification.id.in_(ids)).values(mailed_at=_NOW)
    await db.execute(statement.execution_options(synchronize_session=False))
