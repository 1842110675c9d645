"""Reads of tutorials: the newest version of each, in the reader's language where there is one."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import case, func, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on

from app.core.db import AsyncSession
from app.tutorials.tables import Tutorial, TutorialVersion


async def find_tutorial(db: AsyncSession, slug: str) -> Tutorial | None:
    """Return the tutorial at `slug`."""
    return await db.scalar(select(Tutorial).where(Tutorial.slug == slug))


async def newest_versions(db: AsyncSession, tutorial_id: int) -> Sequence[TutorialVersion]:
    """Return the newest version in each language."""
    statement = (
        select(TutorialVersion)
        .where(TutorialVersion.tutorial_id == tutorial_id)
        .ext(distinct_on(TutorialVersion.language))
        .order_by(TutorialVersion.language, TutorialVersion.number.desc())
    )
    return (await db.scalars(statement)).all()


async def last_number(db: AsyncSession, tutorial_id: int, language: str) -> int:
    """Return the number of the newest version in `language`; 0 when there is none."""
    statement = select(func.max(TutorialVersion.number)).where(
        TutorialVersion.tutorial_id == tutorial_id, TutorialVersion.language == language
    )
    return await db.scalar(statement) or 0


async def newest_tutorials(
    db: AsyncSession, language: str, limit: int
) -> Sequence[tuple[str, TutorialVersion]]:
    """Return (slug, version) of the newest tutorials, one language each, `language` if possible."""
    preferred = case((TutorialVersion.language == language, 0), else_=1)
    best = (
        select(TutorialVersion.id)
        .ext(distinct_on(TutorialVersion.tutorial_id))
        .order_by(TutorialVersion.tutorial_id, preferred, TutorialVersion.number.desc())
    )
    statement = (
        select(Tutorial.slug, TutorialVersion)
        .join(Tutorial, Tutorial.id == TutorialVersion.tutorial_id)
        .where(TutorialVersion.id.in_(best))
        .order_by(Tutorial.created_at.desc(), Tutorial.id.desc())
        .limit(limit)
    )
    return [(slug, version) for slug, version in (await db.execute(statement)).all()]


async def changed_since(
    db: AsyncSession, moment: datetime, after_id: int, limit: int
) -> list[tuple[datetime, int]]:
    """Return when tutorials got versions after a moment, and their ids, the earliest first."""
    last = func.max(TutorialVersion.published_at)
    statement = (
        select(last, TutorialVersion.tutorial_id)
        .group_by(TutorialVersion.tutorial_id)
        .having(tuple_(last, TutorialVersion.tutorial_id) > (moment, after_id))
        .order_by(last, TutorialVersion.tutorial_id)
        .limit(limit)
    )
    return [(changed, number) for changed, number in await db.execute(statement)]


async def slugs(db: AsyncSession, ids: Collection[int]) -> dict[int, str]:
    """Return the addresses of tutorials."""
    rows = await db.execute(select(Tutorial.id, Tutorial.slug).where(Tutorial.id.in_(ids)))
    return {row[0]: row[1] for row in rows}
