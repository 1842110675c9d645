"""Words people wrote, for those who typed one of them wrong."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import func, select

from app.core.db import AsyncSession
from app.search.tables import Word


async def numbers_of(db: AsyncSession, words: Collection[str]) -> dict[str, int]:
    """Return in how many public texts each of these words is, if in any."""
    statement = select(Word.word, Word.num_texts).where(Word.word.in_(words))
    return {row[0]: row[1] for row in await db.execute(statement)}


async def like(db: AsyncSession, word: str, more_than: int) -> str | None:
    """Return the word most like this one that more public texts hold."""
    alike: Any = func.similarity(Word.word, word)
    statement = (
        select(Word.word)
        .where(Word.word.op("%")(word), Word.num_texts > more_than, Word.word != word)
        .order_by(alike.desc(), Word.num_texts.desc(), Word.word)
        .limit(1)
    )
    return await db.scalar(statement)
