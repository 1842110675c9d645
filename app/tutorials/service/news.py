"""News of a span of time, told again for those whom it may have missed."""

from datetime import datetime

from app.comments import service as comments
from app.core.db import AsyncSession
from app.tutorials import queries
from app.tutorials.events import TutorialCommented, TutorialPublished
from app.tutorials.service.talking import SUBJECT


async def happened_between(
    db: AsyncSession, start: datetime, end: datetime, limit: int
) -> list[TutorialPublished | TutorialCommented]:
    """Return what was published and said under tutorials in a span of time and stands."""
    found: list[TutorialPublished | TutorialCommented] = [
        TutorialPublished(row.tutorial_id, row.id, row.author_id)
        for row in await queries.published_between(db, start, end, limit)
    ]
    written = await comments.written_between(db, SUBJECT, start, end, limit)
    rows = await queries.tutorials_of_threads(db, {one.thread_id for one in written})
    under = {row.thread_id: row for row in rows}
    found += [
        TutorialCommented(row.id, one.id, one.author_id, row.owner_id)
        for one in written
        if not one.is_held
        and one.author_id is not None
        and (row := under.get(one.thread_id)) is not None
    ]
    return found
