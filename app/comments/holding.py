"""Keeping words back until the moderators have looked at them, and giving them back."""

from collections.abc import Collection

from app.comments import queries
from app.comments.events import CommentHeld, CommentReleased
from app.comments.tables import Comment
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.events import announce


async def hold(db: AsyncSession, ids: Collection[int]) -> list[int]:
    """Hold comments; return which were not held or hidden before.

    With the comment that opens a thread the title waits as well.
    """
    changed = []
    for row in await queries.by_ids(db, ids, lock=True):
        if row.held_at is None and row.hidden_at is None:
            row.held_at = now()
            await _settle(db, row)
            await announce(db, CommentHeld(row.id, row.thread_id, row.author_id))
            changed.append(row.id)
    return changed


async def release(db: AsyncSession, ids: Collection[int]) -> list[int]:
    """Let held comments stand again; return which were held."""
    changed = []
    for row in await queries.by_ids(db, ids, lock=True):
        if row.held_at is not None:
            is_news = row.held_at_birth
            row.held_at, row.held_at_birth = None, False
            await _settle(db, row)
            await announce(db, CommentReleased(row.id, row.thread_id, row.author_id, is_news))
            changed.append(row.id)
    return changed


async def _settle(db: AsyncSession, row: Comment) -> None:
    await db.flush()
    if row.opens_thread:
        await queries.set_thread_held(db, row.thread_id, held=row.held_at is not None)
