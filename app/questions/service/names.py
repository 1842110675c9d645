"""Questions by what their title or number begins with, offered while somebody types."""

from app.core.db import AsyncSession
from app.questions.queries import names as queries


async def titles_beginning(db: AsyncSession, start: str, limit: int) -> list[tuple[int, str]]:
    """Return (number, title) of questions that everybody may read and whose title begins so."""
    return [(row[0], row[1]) for row in await queries.titles_beginning(db, start, limit)]


async def numbers_beginning(db: AsyncSession, digits: str, limit: int) -> list[tuple[int, str]]:
    """Return (number, title) of those whose number begins so; of all the newest without digits."""
    return [(row[0], row[1]) for row in await queries.numbers_beginning(db, digits, limit)]
