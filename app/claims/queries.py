"""Reads of reviews and of the talks about claims."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from app.claims.tables import ClaimTalk, Review
from app.core.db import AsyncSession

_MOST_REVIEWS = 500


async def reviews(db: AsyncSession, repository_id: int) -> Sequence[Review]:
    """Return the newest reviews of a model's claims, whatever values they are of."""
    statement = (
        select(Review)
        .where(Review.repository_id == repository_id)
        .order_by(Review.id.desc())
        .limit(_MOST_REVIEWS)
    )
    return (await db.scalars(statement)).all()


async def talks(db: AsyncSession, repository_id: int) -> Sequence[ClaimTalk]:
    """Return which claims of a model are talked about."""
    statement = select(ClaimTalk).where(ClaimTalk.repository_id == repository_id)
    return (await db.scalars(statement.limit(_MOST_REVIEWS))).all()


async def lock_talk(db: AsyncSession, repository_id: int, key: str) -> ClaimTalk:
    """Return the row of a claim, made if need be, and hold it until the transaction ends."""
    new = insert(ClaimTalk).values(repository_id=repository_id, key=key)
    await db.execute(new.on_conflict_do_nothing())
    statement = select(ClaimTalk).where(
        ClaimTalk.repository_id == repository_id, ClaimTalk.key == key
    )
    held = statement.with_for_update().execution_options(populate_existing=True)
    return (await db.scalars(held)).one()


async def forget(
    db: AsyncSession, repository_id: int, key: str, value: str, reviewer_id: int
) -> bool:
    """Delete somebody's review of a value; whether there was one."""
    statement = (
        delete(Review)
        .where(
            Review.repository_id == repository_id,
            Review.key == key,
            Review.value == value,
            Review.reviewer_id == reviewer_id,
        )
        .returning(Review.id)
    )
    return (await db.scalars(statement)).one_or_none() is not None
