"""Questions that say the same in two languages."""

from collections.abc import Collection

from sqlalchemy import delete, or_, select

from app.core.db import AsyncSession
from app.questions.tables import Twin


async def twin_among(db: AsyncSession, question_ids: Collection[int]) -> Twin | None:
    """Return a pair of which one is among these questions."""
    statement = select(Twin).where(or_(Twin.en_id.in_(question_ids), Twin.zh_id.in_(question_ids)))
    return await db.scalar(statement.limit(1))


async def unlink(db: AsyncSession, pair: Twin) -> None:
    """Make two questions of a pair."""
    await db.execute(delete(Twin).where(Twin.en_id == pair.en_id))
