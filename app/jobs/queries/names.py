"""A person's own jobs by what their number or title begins with."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Row, func, select, true

from app.core.beginnings import number_begins
from app.core.db import AsyncSession
from app.jobs.tables import Job

# Titles have no index: they are looked for among so many of the newest.
_LOOKED_AT = 300


async def numbers_beginning(
    db: AsyncSession, owner_id: int, digits: str, limit: int
) -> Sequence[Row[int, str]]:
    """Return (number, title) of somebody's jobs whose number begins so, the newest first."""
    begins: ColumnElement[bool] = number_begins(Job.id, digits) if digits else true()
    statement = select(Job.id, Job.title).where(Job.owner_id == owner_id, begins)
    return (await db.execute(statement.order_by(Job.id.desc()).limit(limit))).all()


async def titles_beginning(
    db: AsyncSession, owner_id: int, start: str, limit: int
) -> Sequence[Row[int, str]]:
    """Return (number, title) of somebody's newest jobs whose title begins so, in any case."""
    newest = (
        select(Job.id, Job.title)
        .where(Job.owner_id == owner_id)
        .order_by(Job.id.desc())
        .limit(_LOOKED_AT)
        .subquery()
    )
    begins = func.lower(newest.c.title).startswith(start.lower(), autoescape=True)
    statement = select(newest.c.id, newest.c.title).where(begins).order_by(newest.c.id.desc())
    return (await db.execute(statement.limit(limit))).all()
