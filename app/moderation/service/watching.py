"""Looking at what people write while they write it: what newcomers post is scored."""

import asyncio
from collections.abc import Sequence

from app.accounts import service as accounts
from app.comments import service as comments
from app.comments.events import CommentWritten
from app.core.db import AsyncSession
from app.core.security import Viewer
from app.core.settings import Settings
from app.moderation.schemas import Cause, Finding, Subject
from app.moderation.service import places, scoring
from app.moderation.service.reporting import count_in, find_or_open

_LOOKED_BACK = 20


async def look_at(db: AsyncSession, settings: Settings, event: CommentWritten) -> None:
    """Hold what looks like spam, and put what holds links of newcomers into the queue."""
    if event.author_id is None:
        return
    is_new = await comments.is_newcomer(db, event.author_id)
    if is_new:
        found = await _score(db, settings, event)
    else:
        found = await _banned(db, settings, event)
    if event.typed_too_fast:
        found.append(Finding("typed_too_fast", scoring.HOLD_FROM))
    if found:
        await _queue(db, event.comment_id, found)


async def _score(db: AsyncSession, settings: Settings, event: CommentWritten) -> list[Finding]:
    rows = await comments.comments_of_author(db, event.author_id or 0, _LOOKED_BACK, _everything())
    earlier = [row.body for row in rows if row.id != event.comment_id]
    # A scorer of the site's own may take its time.
    return await asyncio.to_thread(scoring.score, event.body, earlier, settings)


def _everything() -> Viewer:
    return Viewer(user_id=0, is_moderator=True)


async def _banned(db: AsyncSession, settings: Settings, event: CommentWritten) -> list[Finding]:
    found = scoring.banned(event.body, settings)
    if found and event.author_id is not None:
        person = await accounts.person(db, event.author_id)
        if person.user.is_admin or person.user.is_moderator:
            return []
    return found


async def _queue(db: AsyncSession, comment_id: int, found: Sequence[Finding]) -> None:
    weight = sum(one.weight for one in found)
    is_link = any(one.code == "links" for one in found)
    if weight < scoring.HOLD_FROM and not is_link:
        return
    spot = await places.spot(db, Subject.COMMENT, comment_id)
    if spot is None:
        return
    item = await find_or_open(db, Subject.COMMENT, comment_id, spot)
    item.findings = [{"code": one.code, "weight": one.weight, "value": one.value} for one in found]
    count_in(item, Cause.LINKS if is_link else Cause.HELD, weight)
    if weight >= scoring.HOLD_FROM:
        count_in(item, Cause.HELD, 0.0)
        await comments.hold(db, [comment_id])
    await db.flush()
