"""Who has which badge; people who left or are suspended are left out everywhere."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from app.badges.queries.rules import RULES
from app.badges.schemas import Badge
from app.badges.tables import Award, Night
from app.core.clock import now
from app.core.db import AsyncSession

_HERE = """
    EXISTS (SELECT FROM accounts_user u WHERE u.account_id = {person} AND u.erased_at IS NULL
    AND (u.suspended_at IS NULL OR u.suspended_until <= now()))
"""
_GIVE = """
    INSERT INTO badges_award (badge, person_id, given_at)
    SELECT CAST(:badge AS varchar), found.person_id, :moment FROM ({rule}) AS found (person_id)
    WHERE {here}
    AND NOT EXISTS (
        SELECT FROM badges_award a
        WHERE a.badge = CAST(:badge AS varchar) AND a.person_id = found.person_id)
    LIMIT :most
    ON CONFLICT DO NOTHING RETURNING id, person_id
"""


async def give(db: AsyncSession, badge: Badge, most: int) -> list[tuple[int, int]]:
    """Give a badge to people who earned it and have it not; return (award, person) of each."""
    here = _HERE.format(person="found.person_id")
    statement = text(_GIVE.format(rule=RULES[badge], here=here))
    values = {"badge": badge.value, "moment": now(), "most": most}
    return [(row[0], row[1]) for row in await db.execute(statement, values)]


async def begin_night(db: AsyncSession, day: date) -> bool:
    """Whether this process is the one that runs the rules on this day."""
    made = insert(Night).values(day=day).on_conflict_do_nothing().returning(Night.day)
    return await db.scalar(made) is not None


def _of_those_here(*columns: Any) -> Select[Any]:
    return select(*columns).where(text(_HERE.format(person="badges_award.person_id")))


async def counts(db: AsyncSession) -> dict[Badge, int]:
    """Return how many people have each badge."""
    statement = _of_those_here(Award.badge, func.count()).group_by(Award.badge)
    return {row[0]: row[1] for row in await db.execute(statement)}


async def holders(
    db: AsyncSession, badge: Badge, before: int | None, limit: int
) -> Sequence[Award]:
    """Return who has a badge, the newest first."""
    statement = _of_those_here(Award).where(Award.badge == badge)
    if before is not None:
        statement = statement.where(Award.id < before)
    return (await db.scalars(statement.order_by(Award.id.desc()).limit(limit))).all()


async def of_person(db: AsyncSession, person_id: int) -> Sequence[Award]:
    """Return the badges of a person, the newest first."""
    statement = _of_those_here(Award).where(Award.person_id == person_id)
    return (await db.scalars(statement.order_by(Award.id.desc()))).all()


async def by_ids(db: AsyncSession, ids: Collection[int]) -> Sequence[Award]:
    """Return awards by number."""
    return (await db.scalars(select(Award).where(Award.id.in_(ids)))).all()


async def given_between(
    db: AsyncSession, start: datetime, end: datetime, limit: int
) -> Sequence[Award]:
    """Return what was given in a span of time, the earliest first."""
    statement = select(Award).where(Award.given_at >= start, Award.given_at < end)
    return (await db.scalars(statement.order_by(Award.given_at, Award.id).limit(limit))).all()


async def forget(db: AsyncSession, person_id: int) -> None:
    """Take every badge from somebody who has left."""
    await db.execute(delete(Award).where(Award.person_id == person_id))
