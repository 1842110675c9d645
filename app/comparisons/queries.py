"""Reads of comparisons."""

from collections.abc import Collection, Sequence

from sqlalchemy import select

from app.comparisons.tables import Comparison
from app.core.db import AsyncSession


async def comparison(
    db: AsyncSession, comparison_id: int, *, lock: bool = False
) -> Comparison | None:
    """Return a comparison; `lock` holds it until the transaction ends."""
    statement = select(Comparison).where(Comparison.id == comparison_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return await db.scalar(statement)


async def comparisons_of(
    db: AsyncSession, owner_id: int, before: int, limit: int
) -> Sequence[Comparison]:
    """Return somebody's comparisons with smaller ids than `before`, the newest first."""
    statement = (
        select(Comparison)
        .where(Comparison.owner_id == owner_id, Comparison.id < before)
        .order_by(Comparison.id.desc())
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def of_threads(db: AsyncSession, thread_ids: Collection[int]) -> Sequence[Comparison]:
    """Return the comparisons these threads are about."""
    statement = select(Comparison).where(Comparison.thread_id.in_(thread_ids))
    return (await db.scalars(statement)).all()
