"""Pages of questions, each a walk along one index."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, null, select, tuple_, union_all

from app.core.db import AsyncSession
from app.questions.schemas import Sort, Status
from app.questions.tables import Post, Question, QuestionTag, Twin

Key = tuple[Any, ...]


def is_shown(number: Any) -> ColumnElement[bool]:
    """Return the condition that there is a question of this number, and that it is not hidden."""
    return exists().where(Question.id == number, Question.is_hidden.is_(False))


def _keys(sort: Sort, *, tagged: bool) -> tuple[Any, ...]:
    """Return the columns a list is ordered by, all of them downwards."""
    of: Any = QuestionTag if tagged else Question
    number: Any = QuestionTag.question_id if tagged else Question.id
    if sort == "active":
        return (of.active_at, number)
    if sort == "votes":
        return (of.score, number)
    if sort == "bounty":
        return (Question.bounty_until, Question.id)
    return (number,)


def _filters(sort: Sort, languages: Collection[str]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [Question.is_hidden.is_(False)]
    if sort == "unanswered":
        found += [Question.num_answers == 0, Question.status == Status.OPEN]
    if sort == "bounty":
        found.append(Question.bounty_until.is_not(None))
    if languages:
        found.append(Question.language.in_(languages))
    return found


async def page(  # which, in what order, from where
    db: AsyncSession,
    sort: Sort,
    tag_id: int | None,
    languages: Collection[str],
    after: Key | None,
    limit: int,
) -> Sequence[Question]:
    """Return questions after a key, in the order asked for."""
    keys = _keys(sort, tagged=tag_id is not None)
    statement: Select[Any] = select(Question)
    if tag_id is not None:
        statement = statement.join(QuestionTag, QuestionTag.question_id == Question.id).where(
            QuestionTag.tag_id == tag_id
        )
    statement = statement.where(*_filters(sort, languages))
    if after is not None:
        statement = statement.where(tuple_(*keys) < tuple_(*after))
    statement = statement.order_by(*(key.desc() for key in keys)).limit(limit)
    return (await db.scalars(statement)).all()


async def pinned(db: AsyncSession, limit: int) -> Sequence[Question]:
    """Return what stands above the list."""
    statement = select(Question).where(Question.pinned, Question.is_hidden.is_(False))
    return (await db.scalars(statement.order_by(Question.id.desc()).limit(limit))).all()


async def by_author(
    db: AsyncSession, author_id: int, before: int, limit: int
) -> Sequence[Question]:
    """Return somebody's questions with smaller ids than `before`, the newest first."""
    statement = (
        select(Question)
        .where(
            Question.author_id == author_id,
            Question.id < before,
            Question.is_hidden.is_(False),
        )
        .order_by(Question.id.desc())
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def answered_by(db: AsyncSession, author_id: int, limit: int) -> Sequence[Question]:
    """Return the questions somebody answered last."""
    answers = (
        select(Post.question_id, Post.comment_id)
        .where(Post.author_id == author_id, Post.is_question.is_(False))
        .order_by(Post.comment_id.desc())
        .limit(limit)
        .subquery()
    )
    statement = (
        select(Question)
        .join(answers, answers.c.question_id == Question.id)
        .where(Question.is_hidden.is_(False))
        .order_by(answers.c.comment_id.desc())
    )
    return list({row.id: row for row in await db.scalars(statement)}.values())


async def by_ids(db: AsyncSession, ids: Collection[int]) -> dict[int, Question]:
    """Return questions by their ids."""
    rows = await db.scalars(select(Question).where(Question.id.in_(ids)))
    return {row.id: row for row in rows}


async def around(
    db: AsyncSession, question_id: int, limit: int
) -> Sequence[tuple[Question, datetime | None]]:
    """Return what was closed as this question asked again, and its twin with when it was linked.

    What was hidden is left out.
    """
    again = (
        select(Question.id, null().cast(Twin.linked_at.type).label("linked_at"))
        .where(Question.duplicate_of_id == question_id, Question.is_hidden.is_(False))
        .order_by(Question.id)
        .limit(limit)
    )
    chinese = select(Twin.zh_id, Twin.linked_at).where(Twin.en_id == question_id)
    english = select(Twin.en_id, Twin.linked_at).where(Twin.zh_id == question_id)
    found = union_all(again, chinese, english).subquery()
    statement = (
        select(Question, found.c.linked_at)
        .join(found, found.c.id == Question.id)
        .where(Question.is_hidden.is_(False))
        .order_by(Question.id)
    )
    return [(row, linked_at) for row, linked_at in await db.execute(statement)]


async def with_fingerprint(db: AsyncSession, fingerprint: str, limit: int) -> Sequence[Question]:
    """Return questions about the same failure: answered ones first, then by votes."""
    statement = (
        select(Question)
        .where(Question.fingerprint == fingerprint, Question.is_hidden.is_(False))
        .order_by(
            Question.accepted_id.is_(None),
            (Question.num_answers == 0),
            Question.score.desc(),
            Question.id.desc(),
        )
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def changed_since(
    db: AsyncSession, moment: datetime, after_id: int, limit: int
) -> list[tuple[datetime, int]]:
    """Return when questions changed after a moment, and their ids, the earliest first."""
    statement = (
        select(Question.changed_at, Question.id)
        .where(tuple_(Question.changed_at, Question.id) > (moment, after_id))
        .order_by(Question.changed_at, Question.id)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in await db.execute(statement)]


async def num_unanswered(db: AsyncSession, before: datetime, most: int) -> int:
    """Return how many open questions from before a moment have no answer, counted up to `most`."""
    waiting = (
        select(Question.id)
        .where(
            Question.num_answers == 0,
            Question.status == "open",
            Question.is_hidden.is_(False),
            Question.created_at < before,
        )
        .limit(most)
        .subquery()
    )
    return int(await db.scalar(select(func.count()).select_from(waiting)) or 0)
