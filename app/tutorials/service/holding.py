"""Keeping tutorials back until the moderators have decided, and giving them back."""

from collections.abc import Collection

from app.core.clock import now
from app.core.db import AsyncSession
from app.tutorials import queries
from app.tutorials.schemas import TutorialSpot


async def hold(db: AsyncSession, ids: Collection[int]) -> list[int]:
    """Let only their owners and the moderators read tutorials; return which were not held."""
    rows = [row for row in await queries.by_ids(db, ids, lock=True) if row.held_at is None]
    for row in rows:
        row.held_at = now()
    await db.flush()
    return [row.id for row in rows]


async def hold_all_of(db: AsyncSession, owner_id: int, limit: int) -> list[int]:
    """Hold what somebody published; return which tutorials those were."""
    return await hold(db, await queries.published_ids_of(db, owner_id, limit))


async def release(db: AsyncSession, ids: Collection[int]) -> list[int]:
    """Let everybody read held tutorials again; return which were held."""
    rows = [row for row in await queries.by_ids(db, ids, lock=True) if row.held_at is not None]
    for row in rows:
        row.held_at = None
    await db.flush()
    return [row.id for row in rows]


async def spots(db: AsyncSession, ids: Collection[int], language: str) -> dict[int, TutorialSpot]:
    """Return what published tutorials say, held or not, in `language` where there is a text."""
    versions = await queries.best_versions(db, ids, language)
    return {
        row.id: TutorialSpot(
            title=versions[row.id].title,
            slug=row.slug,
            owner_id=row.owner_id,
            text=f"{versions[row.id].summary}\n\n{versions[row.id].body}",
            is_held=row.held_at is not None,
        )
        for row in await queries.by_ids(db, ids)
        if row.id in versions
    }
