"""Whom an edit names who was not named before it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from app.comments import service as comments
from app.comments.schemas import CommentView
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.markdown import mentioned
from app.notifications.schemas import KEPT_LEDGER, News, Target, What


async def news_of_edit(
    db: AsyncSession, thread: Target, comment_id: int, by_id: int | None, repository_id: int | None
) -> News | None:
    """Return the news that the last edit of a comment names somebody; None if it names nobody new.

    `by_id` None or 0: the moderators let stand what its author wrote.
    """
    words = await comments.any_comment(db, comment_id)
    if words is None or words.is_hidden or words.is_held or not _is_fresh(words.edited_at):
        return None
    if not await _names(db, words, words.num_edits):
        return None
    key = f"named:{comment_id}:{words.num_edits}"
    return News(key, What.NAMED, thread, by_id or words.author_id, repository_id, comment_id)


def _is_fresh(moment: datetime | None) -> bool:
    return moment is not None and moment > now() - KEPT_LEDGER


async def named_by(db: AsyncSession, news: News) -> Sequence[str]:
    """Return whom the edit of this news named first; nobody if its words are gone."""
    words = await comments.any_comment(db, news.entry_id or 0)
    if words is None or words.is_hidden or words.is_held:
        return ()
    return await _names(db, words, int(news.key.rpartition(":")[2]))


async def _names(db: AsyncSession, words: CommentView, edit: int) -> Sequence[str]:
    wordings = [*(await comments.wordings(db, [words])).get(words.id, ()), words.body]
    return await asyncio.to_thread(_new_names, wordings[:edit], wordings[edit : edit + 1])


def _new_names(earlier: Sequence[str], later: Sequence[str]) -> list[str]:
    known = {name.casefold() for text in earlier for name in mentioned(text)}
    return [name for text in later for name in mentioned(text) if name.casefold() not in known]
