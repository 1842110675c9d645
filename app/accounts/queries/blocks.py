"""Who wants to hear nothing more from whom."""

from collections.abc import Collection, Sequence

from sqlalchemy import Row, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from app.accounts.tables import Account, Block
from app.core.clock import now
from app.core.db import AsyncSession


async def add(db: AsyncSession, blocker_id: int, blocked_id: int) -> None:
    """Remember that somebody blocks somebody; twice is once."""
    values = {"blocker_id": blocker_id, "blocked_id": blocked_id, "created_at": now()}
    await db.execute(insert(Block).values(**values).on_conflict_do_nothing())


async def remove(db: AsyncSession, blocker_id: int, blocked_id: int) -> None:
    """Forget that somebody blocks somebody."""
    await db.execute(
        delete(Block).where(Block.blocker_id == blocker_id, Block.blocked_id == blocked_id)
    )


async def num_blocked_by(db: AsyncSession, blocker_id: int) -> int:
    """Return how many people somebody blocks."""
    statement = select(func.count()).where(Block.blocker_id == blocker_id)
    return int(await db.scalar(statement) or 0)


async def blocked_by(
    db: AsyncSession, blocker_id: int, limit: int
) -> Sequence[Row[Block, str, str]]:
    """Return whom somebody blocks, with both names, the last first."""
    statement = (
        select(Block, Account.name, Account.display_name)
        .join(Account, Account.id == Block.blocked_id)
        .where(Block.blocker_id == blocker_id)
        .order_by(Block.created_at.desc(), Block.blocked_id.desc())
        .limit(limit)
    )
    return (await db.execute(statement)).all()


async def blocked_among(db: AsyncSession, blocker_id: int, ids: Collection[int]) -> set[int]:
    """Return whom of these people somebody blocks."""
    statement = select(Block.blocked_id).where(
        Block.blocker_id == blocker_id, Block.blocked_id.in_(ids)
    )
    return set(await db.scalars(statement))


async def blockers_among(db: AsyncSession, ids: Collection[int], blocked_id: int) -> set[int]:
    """Return who of these people blocks somebody."""
    statement = select(Block.blocker_id).where(
        Block.blocked_id == blocked_id, Block.blocker_id.in_(ids)
    )
    return set(await db.scalars(statement))
