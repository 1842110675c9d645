"""Reading and changing the requests of people who try models."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import undefer

from app.core.db import AsyncSession
from app.playground.tables import PredictionRequest


def _now() -> ColumnElement[datetime]:
    return func.clock_timestamp()


def _after(seconds: float) -> ColumnElement[datetime]:
    return func.clock_timestamp() + timedelta(seconds=seconds)


async def add(db: AsyncSession, values: dict[str, Any], lifetime_s: float) -> int:
    """Store a request and return its number; what is out of date goes on this occasion."""
    await db.execute(delete(PredictionRequest).where(PredictionRequest.expires_at < _now()))
    request = PredictionRequest(**values, expires_at=_after(lifetime_s))
    db.add(request)
    await db.flush()
    return request.id


async def count_waiting(db: AsyncSession) -> int:
    """Return how many requests no worker has answered yet."""
    statement = select(func.count()).where(
        PredictionRequest.answered_at.is_(None), PredictionRequest.expires_at >= _now()
    )
    return (await db.scalars(statement)).one()


async def take(db: AsyncSession) -> PredictionRequest | None:
    """Give the oldest open request to a worker, with the bytes of its input."""
    waiting = (
        select(PredictionRequest.id)
        .where(PredictionRequest.taken_at.is_(None), PredictionRequest.expires_at >= _now())
        .order_by(PredictionRequest.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    taken = await db.scalars(
        update(PredictionRequest)
        .where(PredictionRequest.id == waiting)
        .values(taken_at=_now())
        .returning(PredictionRequest.id)
        .execution_options(synchronize_session=False)
    )
    number = taken.one_or_none()
    return None if number is None else await request_by_id(db, number)


async def request_by_id(db: AsyncSession, number: int) -> PredictionRequest | None:
    """Return a request that is not out of date."""
    statement = (
        select(PredictionRequest)
        .where(PredictionRequest.id == number, PredictionRequest.expires_at >= _now())
        .options(undefer(PredictionRequest.content))
        .execution_options(populate_existing=True)
    )
    return (await db.scalars(statement)).one_or_none()


async def state_of(db: AsyncSession, number: int) -> tuple[bool, dict[str, Any] | None] | None:
    """Return whether a worker has a request, and its answer; None when it is gone."""
    statement = select(PredictionRequest.taken_at, PredictionRequest.answer).where(
        PredictionRequest.id == number
    )
    row = (await db.execute(statement)).one_or_none()
    return None if row is None else (row[0] is not None, row[1])


async def save_answer(db: AsyncSession, number: int, answer: dict[str, Any]) -> bool:
    """Store an answer and drop the input; whether somebody still waits for it."""
    changed = await db.scalars(
        update(PredictionRequest)
        .where(
            PredictionRequest.id == number,
            PredictionRequest.taken_at.is_not(None),
            PredictionRequest.answered_at.is_(None),
        )
        .values(answer=answer, answered_at=_now(), content=None)
        .returning(PredictionRequest.id)
        .execution_options(synchronize_session=False)
    )
    return changed.one_or_none() is not None


async def remove(db: AsyncSession, number: int) -> None:
    """Forget a request."""
    await db.execute(delete(PredictionRequest).where(PredictionRequest.id == number))
