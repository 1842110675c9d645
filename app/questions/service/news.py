"""News of a span of time, told again for those whom it may have missed."""

from collections.abc import Sequence
from datetime import datetime

from app.comments import service as comments
from app.comments.schemas import CommentView
from app.core.db import AsyncSession
from app.questions.events import AnswerPosted, QuestionAsked, RemarkPosted
from app.questions.queries import posts
from app.questions.queries import tags as tag_queries
from app.questions.service.answering import REMARKS
from app.questions.service.asking import SUBJECT


async def happened_between(
    db: AsyncSession, start: datetime, end: datetime, limit: int
) -> list[QuestionAsked | AnswerPosted | RemarkPosted]:
    """Return what was asked, answered and remarked in a span of time and stands."""
    written = _standing(await comments.written_between(db, SUBJECT, start, end, limit))
    rows = {row.comment_id: row for row in await posts.posts_by_id(db, [w.id for w in written])}
    asked = {row.question_id for row in rows.values() if row.is_question}
    filed = await tag_queries.tag_ids_of(db, asked)
    found: list[QuestionAsked | AnswerPosted | RemarkPosted] = []
    for one in written:
        row, author_id = rows.get(one.id), one.author_id or 0
        if row is not None and row.is_question:
            tags = filed.get(row.question_id, ())
            found.append(QuestionAsked(row.question_id, author_id, one.id, tuple(tags)))
        elif row is not None:
            found.append(AnswerPosted(row.question_id, one.id, author_id))
    return [*found, *await _remarks_between(db, start, end, limit)]


async def _remarks_between(
    db: AsyncSession, start: datetime, end: datetime, limit: int
) -> list[RemarkPosted]:
    written = _standing(await comments.written_between(db, REMARKS, start, end, limit))
    rows = await posts.posts_of_remarks(db, {one.thread_id for one in written})
    under = {row.remarks_id: row for row in rows}
    return [
        RemarkPosted(row.question_id, row.comment_id, one.id, one.author_id or 0)
        for one in written
        if (row := under.get(one.thread_id)) is not None
    ]


def _standing(written: Sequence[CommentView]) -> list[CommentView]:
    return [one for one in written if not one.is_held and one.author_id is not None]
