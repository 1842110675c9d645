"""Questions whose title or number begins in some way, each by the range of an index."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Row, func, select, text, true

from app.core.beginnings import number_begins
from app.core.db import AsyncSession
from app.questions.tables import Question

# The order of the index, whatever the language of the database.
_IN_ORDER = text("lower(questions_question.title) USING ~<~")


async def titles_beginning(db: AsyncSession, start: str, limit: int) -> Sequence[Row[int, str]]:
    """Return (number, title) of questions whose title begins so, in any case."""
    begins = func.lower(Question.title).startswith(start.lower(), autoescape=True)
    statement = select(Question.id, Question.title).where(Question.is_hidden.is_(False), begins)
    return (await db.execute(statement.order_by(_IN_ORDER).limit(limit))).all()


async def numbers_beginning(db: AsyncSession, digits: str, limit: int) -> Sequence[Row[int, str]]:
    """Return (number, title) of questions whose number begins so, the newest first."""
    begins: ColumnElement[bool] = number_begins(Question.id, digits) if digits else true()
    statement = select(Question.id, Question.title).where(Question.is_hidden.is_(False), begins)
    return (await db.execute(statement.order_by(Question.id.desc()).limit(limit))).all()
