"""Reads of tutorials: the newest version of each, in the reader's language where there is one."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import case, exists, func, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on

from app.core.db import AsyncSession
from app.tutorials.tables import OldSlug, RecipeRun, Tutorial, TutorialVersion


async def find_tutorial(db: AsyncSession, slug: str, *, lock: bool = False) -> Tutorial | None:
    """Return the tutorial at `slug`; `lock` holds it until the transaction ends."""
    statement = select(Tutorial).where(Tutorial.slug == slug)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return await db.scalar(statement)


async def present_slug(db: AsyncSession, old: str) -> str | None:
    """Return where a tutorial stands now that stood at `old` before."""
    statement = (
        select(Tutorial.slug)
        .join(OldSlug, OldSlug.tutorial_id == Tutorial.id)
        .where(OldSlug.slug == old)
    )
    return await db.scalar(statement)


async def is_published(db: AsyncSession, tutorial_id: int) -> bool:
    """Whether there is a version for everybody to read."""
    statement = select(exists().where(TutorialVersion.tutorial_id == tutorial_id))
    return bool(await db.scalar(statement))


async def newest_versions(db: AsyncSession, tutorial_id: int) -> Sequence[TutorialVersion]:
    """Return the newest version in each language."""
    statement = (
        select(TutorialVersion)
        .where(TutorialVersion.tutorial_id == tutorial_id)
        .ext(distinct_on(TutorialVersion.language))
        .order_by(TutorialVersion.language, TutorialVersion.number.desc())
    )
    return (await db.scalars(statement)).all()


async def newest_of_each(
    db: AsyncSession, tutorial_ids: Collection[int]
) -> Sequence[TutorialVersion]:
    """Return the newest version of each of these tutorials in each language."""
    statement = (
        select(TutorialVersion)
        .where(TutorialVersion.tutorial_id.in_(tutorial_ids))
        .ext(distinct_on(TutorialVersion.tutorial_id, TutorialVersion.language))
        .order_by(
            TutorialVersion.tutorial_id, TutorialVersion.language, TutorialVersion.number.desc()
        )
    )
    return (await db.scalars(statement)).all()


async def find_version(
    db: AsyncSession, tutorial_id: int, language: str, number: int
) -> TutorialVersion | None:
    """Return one version."""
    statement = select(TutorialVersion).where(
        TutorialVersion.tutorial_id == tutorial_id,
        TutorialVersion.language == language,
        TutorialVersion.number == number,
    )
    return await db.scalar(statement)


async def versions(
    db: AsyncSession, tutorial_id: int, language: str, limit: int
) -> Sequence[TutorialVersion]:
    """Return the versions in one language, the newest first."""
    statement = (
        select(TutorialVersion)
        .where(TutorialVersion.tutorial_id == tutorial_id, TutorialVersion.language == language)
        .order_by(TutorialVersion.number.desc())
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def last_number(db: AsyncSession, tutorial_id: int, language: str) -> int:
    """Return the number of the newest version in `language`; 0 when there is none."""
    statement = select(func.max(TutorialVersion.number)).where(
        TutorialVersion.tutorial_id == tutorial_id, TutorialVersion.language == language
    )
    return await db.scalar(statement) or 0


async def newest_tutorials(
    db: AsyncSession, language: str, limit: int, before: int | None = None
) -> Sequence[tuple[Tutorial, TutorialVersion]]:
    """Return the newest published tutorials, one version each, in `language` if possible.

    `before` is the number of the last tutorial already seen.
    """
    ranked = select(Tutorial).order_by(Tutorial.id.desc()).limit(limit)
    ranked = ranked.where(exists().where(TutorialVersion.tutorial_id == Tutorial.id))
    if before is not None:
        ranked = ranked.where(Tutorial.id < before)
    found = (await db.scalars(ranked)).all()
    chosen = await best_versions(db, [one.id for one in found], language)
    return [(one, chosen[one.id]) for one in found if one.id in chosen]


async def best_versions(
    db: AsyncSession, ids: Collection[int], language: str
) -> Mapping[int, TutorialVersion]:
    """Return the newest version of tutorials, each in `language` where there is one."""
    preferred = case((TutorialVersion.language == language, 0), else_=1)
    statement = (
        select(TutorialVersion)
        .where(TutorialVersion.tutorial_id.in_(ids))
        .ext(distinct_on(TutorialVersion.tutorial_id))
        .order_by(TutorialVersion.tutorial_id, preferred, TutorialVersion.number.desc())
    )
    return {row.tutorial_id: row for row in await db.scalars(statement)}


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


async def runs_of(
    db: AsyncSession, tutorial_id: int, hashes: Collection[str], limit: int = 1000
) -> Sequence[RecipeRun]:
    """Return the newest runs of recipes of a tutorial."""
    statement = (
        select(RecipeRun)
        .where(RecipeRun.tutorial_id == tutorial_id, RecipeRun.recipe_hash.in_(hashes))
        .order_by(RecipeRun.job_id.desc())
        .limit(limit)
    )
    return (await db.scalars(statement)).all()
