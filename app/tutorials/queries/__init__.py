"""Reads of tutorials: the newest version of each, in the reader's language where there is one."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, exists, func, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on, insert

from app.core.clock import now
from app.core.db import AsyncSession
from app.tutorials.tables import (
    Draft,
    OldSlug,
    Picture,
    ReadMark,
    RecipeRun,
    Series,
    Tutorial,
    TutorialVersion,
)

# There is a version for everybody to read, and the moderators keep none of it back.
_PUBLIC = (
    exists().where(TutorialVersion.tutorial_id == Tutorial.id),
    Tutorial.held_at.is_(None),
)


async def find_tutorial(db: AsyncSession, slug: str, *, lock: bool = False) -> Tutorial | None:
    """Return the tutorial at `slug`; `lock` holds it until the transaction ends."""
    statement = select(Tutorial).where(Tutorial.slug == slug)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return await db.scalar(statement)


async def get_tutorial(db: AsyncSession, slug: str) -> Tutorial:
    """Return the tutorial at `slug`, which is there."""
    return (await db.scalars(select(Tutorial).where(Tutorial.slug == slug))).one()


async def present_slug(db: AsyncSession, old: str) -> str | None:
    """Return where a tutorial stands now that stood at `old` before."""
    statement = (
        select(Tutorial.slug)
        .join(OldSlug, OldSlug.tutorial_id == Tutorial.id)
        .where(OldSlug.slug == old)
    )
    return await db.scalar(statement)


def is_shown(number: Any) -> ColumnElement[bool]:
    """Return the condition that there is a tutorial of this number, and that it is not held."""
    return exists().where(Tutorial.id == number, Tutorial.held_at.is_(None))


async def is_published(db: AsyncSession, tutorial_id: int) -> bool:
    """Whether there is a version for everybody to read."""
    statement = select(exists().where(TutorialVersion.tutorial_id == tutorial_id))
    return bool(await db.scalar(statement))


async def published_among(db: AsyncSession, ids: Collection[int]) -> set[int]:
    """Return those of some tutorials of which there is a version for everybody to read."""
    return set(await db.scalars(select(Tutorial.id).where(*_PUBLIC, Tutorial.id.in_(ids))))


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
    ranked = ranked.where(*_PUBLIC)
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


async def published_between(
    db: AsyncSession, start: datetime, end: datetime, limit: int
) -> Sequence[TutorialVersion]:
    """Return what people published in a span of time, the first first."""
    moment = TutorialVersion.published_at
    statement = (
        select(TutorialVersion)
        .where(moment >= start, moment < end, TutorialVersion.author_id.is_not(None))
        .order_by(moment, TutorialVersion.id)
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def by_ids(
    db: AsyncSession, ids: Collection[int], *, lock: bool = False
) -> Sequence[Tutorial]:
    """Return those that exist, in order; `lock` holds them until the transaction ends."""
    statement = select(Tutorial).where(Tutorial.id.in_(ids)).order_by(Tutorial.id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return (await db.scalars(statement)).all()


async def published_ids_of(db: AsyncSession, owner_id: int, limit: int) -> Sequence[int]:
    """Return which tutorials of somebody everybody may read, the newest first."""
    statement = select(Tutorial.id).where(Tutorial.owner_id == owner_id, *_PUBLIC)
    return (await db.scalars(statement.order_by(Tutorial.id.desc()).limit(limit))).all()


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


async def newest_runs(
    db: AsyncSession, tutorial_id: int, limit: int
) -> Sequence[tuple[RecipeRun, int]]:
    """Return the newest runs of recipes of a tutorial, each with the number of its version."""
    statement = (
        select(RecipeRun, TutorialVersion.number)
        .join(TutorialVersion, TutorialVersion.id == RecipeRun.version_id)
        .where(RecipeRun.tutorial_id == tutorial_id)
        .order_by(RecipeRun.job_id.desc())
        .limit(limit)
    )
    return [(run, number) for run, number in await db.execute(statement)]


async def version_by_id(db: AsyncSession, version_id: int) -> TutorialVersion | None:
    """Return a published version."""
    return await db.get(TutorialVersion, version_id)


async def num_unpublished(db: AsyncSession, owner_id: int) -> int:
    """Return how many tutorials somebody has begun and not published."""
    published = exists().where(TutorialVersion.tutorial_id == Tutorial.id)
    statement = (
        select(func.count()).select_from(Tutorial).where(Tutorial.owner_id == owner_id, ~published)
    )
    return await db.scalar(statement) or 0


async def tutorials_of(db: AsyncSession, owner_id: int, limit: int) -> Sequence[Tutorial]:
    """Return the tutorials of one person, begun or published, the newest first."""
    statement = (
        select(Tutorial)
        .where(Tutorial.owner_id == owner_id)
        .order_by(Tutorial.id.desc())
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def address_taken(db: AsyncSession, slug: str) -> bool:
    """Whether a tutorial stands at an address, or stood there before."""
    now_there = exists().where(Tutorial.slug == slug)
    was_there = exists().where(OldSlug.slug == slug)
    return bool(await db.scalar(select(now_there | was_there)))


async def forget_old_slug(db: AsyncSession, slug: str, tutorial_id: int) -> None:
    """Let a tutorial have an address back that it had before."""
    await db.execute(
        delete(OldSlug).where(OldSlug.slug == slug, OldSlug.tutorial_id == tutorial_id)
    )


async def old_slug_of(db: AsyncSession, slug: str) -> int | None:
    """Return which tutorial stood at an address before."""
    return await db.scalar(select(OldSlug.tutorial_id).where(OldSlug.slug == slug))


async def draft(
    db: AsyncSession, tutorial_id: int, language: str, *, lock: bool = False
) -> Draft | None:
    """Return what is being written in a language; `lock` holds it until the transaction ends."""
    statement = select(Draft).where(Draft.tutorial_id == tutorial_id, Draft.language == language)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return await db.scalar(statement)


async def drafts_of(db: AsyncSession, ids: Collection[int]) -> Sequence[Draft]:
    """Return everything that is being written of some tutorials."""
    statement = select(Draft).where(Draft.tutorial_id.in_(ids)).order_by(Draft.language)
    return (await db.scalars(statement)).all()


async def lock(db: AsyncSession, name: str) -> None:
    """Take the advisory lock `name` until the transaction ends, waiting for it."""
    await db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


async def pictures(db: AsyncSession, tutorial_id: int, limit: int) -> Sequence[Picture]:
    """Return the pictures of a tutorial, the newest first."""
    statement = (
        select(Picture)
        .where(Picture.tutorial_id == tutorial_id)
        .order_by(Picture.created_at.desc(), Picture.sha256)
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def picture_uses(db: AsyncSession, sha256: str) -> Sequence[tuple[Picture, Tutorial, bool]]:
    """Return the tutorials a picture belongs to, and whether each is published."""
    statement = (
        select(Picture, Tutorial, and_(*_PUBLIC))
        .join(Tutorial, Tutorial.id == Picture.tutorial_id)
        .where(Picture.sha256 == sha256)
        .limit(100)
    )
    rows = (await db.execute(statement)).all()
    return [(picture, tutorial, public) for picture, tutorial, public in rows]


async def find_series(db: AsyncSession, slug: str) -> Series | None:
    """Return the series at an address."""
    return await db.scalar(select(Series).where(Series.slug == slug))


async def series_by_id(db: AsyncSession, series_id: int) -> Series | None:
    """Return a series by number."""
    return await db.get(Series, series_id)


async def series_titles(db: AsyncSession, ids: Collection[int]) -> dict[int, dict[str, str]]:
    """Return the titles of series by number."""
    if not ids:
        return {}
    rows = await db.execute(select(Series.id, Series.titles).where(Series.id.in_(ids)))
    return {row[0]: row[1] for row in rows}


async def chapters(db: AsyncSession, series_id: int, limit: int) -> Sequence[Tutorial]:
    """Return the published tutorials of a series in order."""
    statement = (
        select(Tutorial)
        .where(Tutorial.series_id == series_id, *_PUBLIC)
        .order_by(Tutorial.chapter, Tutorial.id)
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def read_by(db: AsyncSession, account_id: int, ids: Collection[int]) -> set[int]:
    """Return which of some tutorials somebody has read."""
    statement = select(ReadMark.tutorial_id).where(
        ReadMark.account_id == account_id, ReadMark.tutorial_id.in_(ids)
    )
    return set(await db.scalars(statement))


async def mark_read(db: AsyncSession, account_id: int, tutorial_id: int) -> None:
    """Note that somebody has read a tutorial; twice is once."""
    values = {"account_id": account_id, "tutorial_id": tutorial_id, "read_at": now()}
    await db.execute(insert(ReadMark).values(**values).on_conflict_do_nothing())


async def unmark_read(db: AsyncSession, account_id: int, tutorial_id: int) -> None:
    """Forget that somebody has read a tutorial."""
    await db.execute(
        delete(ReadMark).where(
            ReadMark.account_id == account_id, ReadMark.tutorial_id == tutorial_id
        )
    )


async def tutorials_of_threads(db: AsyncSession, thread_ids: Collection[int]) -> Sequence[Tutorial]:
    """Return the tutorials under which these threads of comments are."""
    return (await db.scalars(select(Tutorial).where(Tutorial.thread_id.in_(thread_ids)))).all()


async def forget_person(db: AsyncSession, person_id: int) -> None:
    """Delete what somebody read and what they wrote without publishing it."""
    own = select(Tutorial.id).where(Tutorial.owner_id == person_id)
    published = exists().where(TutorialVersion.tutorial_id == Tutorial.id)
    await db.execute(delete(ReadMark).where(ReadMark.account_id == person_id))
    await db.execute(delete(Draft).where(Draft.tutorial_id.in_(own)))
    await db.execute(delete(Tutorial).where(Tutorial.owner_id == person_id, ~published))
