"""Lists of questions, and whole questions for the search."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any

from app.comments import service as comments
from app.comments.schemas import CommentView
from app.core.db import AsyncSession
from app.core.errors import BadRequestError
from app.core.i18n import _
from app.core.pagination import Page, decode_cursor, encode_cursor
from app.questions.queries import lists, posts
from app.questions.schemas import QuestionRow, Sort
from app.questions.service.views import rows
from app.questions.tables import Question

_PINNED = 5
_BIGGEST = (1 << 63) - 1


async def list_questions(  # for whom, in what order, of what, from where
    db: AsyncSession,
    sort: Sort = "active",
    tag_id: int | None = None,
    languages: Collection[str] = (),
    cursor: str = "",
    limit: int = 30,
) -> Page[QuestionRow]:
    """Return a page of questions.

    Raises:
        BadRequestError: the cursor is not one of ours.
    """
    after = _after(cursor, sort) if cursor else None
    found = await lists.page(db, sort, tag_id, languages, after, limit + 1)
    shown = found[:limit]
    following = _cursor(shown[-1], sort) if len(found) > limit else None
    return Page(await rows(db, shown), following)


def _cursor(last: Question, sort: Sort) -> str:
    keys: dict[str, list[object]] = {
        "active": [last.active_at.isoformat(), last.id],
        "votes": [last.score, last.id],
        "bounty": [last.bounty_until and last.bounty_until.isoformat(), last.id],
    }
    return encode_cursor(keys.get(sort, [last.id]))


def _after(cursor: str, sort: Sort) -> tuple[Any, ...]:
    values = decode_cursor(cursor, 2 if sort in {"active", "votes", "bounty"} else 1)
    try:
        numbers = tuple(int(str(value)) for value in values[-1:])
        if sort in {"active", "bounty"}:
            return (datetime.fromisoformat(str(values[0])), *numbers)
        if sort == "votes":
            return (int(str(values[0])), *numbers)
    except ValueError as error:
        raise BadRequestError(
            _("This page address is not valid."), fix=_("Start from the first page.")
        ) from error
    return numbers


async def pinned_questions(db: AsyncSession) -> list[QuestionRow]:
    """Return what stands above the list."""
    return await rows(db, await lists.pinned(db, _PINNED))


async def questions_by(
    db: AsyncSession, author_id: int, before: int = _BIGGEST, limit: int = 20
) -> list[QuestionRow]:
    """Return what somebody asked, the newest first."""
    return await rows(db, await lists.by_author(db, author_id, before, limit))


async def questions_answered_by(
    db: AsyncSession, author_id: int, limit: int = 20
) -> list[QuestionRow]:
    """Return the questions somebody answered last."""
    return await rows(db, await lists.answered_by(db, author_id, limit))


async def questions_by_id(db: AsyncSession, ids: Collection[int]) -> dict[int, QuestionRow]:
    """Return questions by id, those that were hidden left out."""
    found = await lists.by_ids(db, ids) if ids else {}
    return {row.id: row for row in await rows(db, list(found.values())) if not row.is_hidden}


async def questions_about(db: AsyncSession, fingerprint: str, limit: int = 5) -> list[QuestionRow]:
    """Return questions about the same failure, those that were solved first."""
    return (
        await rows(db, await lists.with_fingerprint(db, fingerprint, limit)) if fingerprint else []
    )


async def questions_of_posts(
    db: AsyncSession, comment_ids: Collection[int]
) -> dict[int, QuestionRow]:
    """Return the questions that these posts belong to, by post; hidden ones are left out."""
    found = await posts.questions_of_posts(db, comment_ids) if comment_ids else {}
    shown = await questions_by_id(db, set(found.values()))
    return {post: shown[number] for post, number in found.items() if number in shown}


async def changed_since(
    db: AsyncSession, moment: datetime, after_id: int, limit: int
) -> list[tuple[datetime, int]]:
    """Return when questions changed after a moment, and their ids, the earliest first."""
    return await lists.changed_since(db, moment, after_id, limit)


async def whole_questions(
    db: AsyncSession, ids: Collection[int]
) -> list[tuple[QuestionRow, list[tuple[CommentView, bool, int]]]]:
    """Return questions with all their posts as (words, is it accepted, score), the question first.

    Hidden questions and posts are left out: for the search, which must forget them.
    """
    found = await lists.by_ids(db, ids)
    shown = [row for row in await rows(db, list(found.values())) if not row.is_hidden]
    every = await posts.answered_posts(db, [row.id for row in shown])
    words = await comments.comments_by_id(db, [post.comment_id for post in every])
    by_question: dict[int, list[tuple[CommentView, bool, int]]] = defaultdict(list)
    for post in every:
        if not words[post.comment_id].is_hidden:
            told = (words[post.comment_id], post.is_accepted, post.score)
            by_question[post.question_id].append(told)
    return [(row, by_question[row.id]) for row in shown]


async def num_unanswered(db: AsyncSession, before: datetime, most: int) -> int:
    """Return how many questions from before a moment still wait, counted up to `most`."""
    return await lists.num_unanswered(db, before, most)
