"""A viewer's own jobs, offered while they type."""

from app.core.db import AsyncSession
from app.core.security import Scope, Viewer
from app.jobs.queries import names as queries


async def own_beginning(
    db: AsyncSession, viewer: Viewer, digits: str | None, start: str, limit: int
) -> list[tuple[int, str]]:
    """Return (number, title) of the viewer's own jobs, the newest first.

    With `digits`, empty or not, those whose number begins so; else those whose title begins with
    `start`. None for who may read no jobs.
    """
    if viewer.user_id is None or Scope.JOBS_READ not in viewer.scopes:
        return []
    if digits is not None:
        found = await queries.numbers_beginning(db, viewer.user_id, digits, limit)
    else:
        found = await queries.titles_beginning(db, viewer.user_id, start, limit)
    return [(row[0], row[1]) for row in found]
