"""Tags, their synonyms and wider tags, and which questions are under them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, false, func, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from app.core.clock import now
from app.core.db import AsyncSession
from app.questions.tables import Question, QuestionTag, Tag

# Wider tags stand behind those people chose.
MAX_WIDER = 10


async def by_names(db: AsyncSession, names: Collection[str]) -> dict[str, Tag]:
    """Return tags, synonyms among them, by name."""
    rows = await db.scalars(select(Tag).where(Tag.name.in_(names))) if names else ()
    return {row.name: row for row in rows}


async def by_ids(db: AsyncSession, ids: Collection[int]) -> dict[int, Tag]:
    """Return tags by id."""
    rows = await db.scalars(select(Tag).where(Tag.id.in_(ids))) if ids else ()
    return {row.id: row for row in rows}


async def children(db: AsyncSession, tag_id: int, limit: int) -> Sequence[Tag]:
    """Return the narrower tags of a tag, the most used first."""
    statement = select(Tag).where(Tag.parent_id == tag_id, Tag.synonym_of_id.is_(None))
    return (await db.scalars(statement.order_by(Tag.num_questions.desc()).limit(limit))).all()


async def synonyms(db: AsyncSession, tag_id: int, limit: int) -> Sequence[Tag]:
    """Return the names that lead to a tag."""
    statement = select(Tag).where(Tag.synonym_of_id == tag_id).order_by(Tag.name)
    return (await db.scalars(statement.limit(limit))).all()


async def most_used(db: AsyncSession, after: tuple[int, int] | None, limit: int) -> Sequence[Tag]:
    """Return main tags after (num_questions, id), the most used first."""
    statement = select(Tag).where(Tag.synonym_of_id.is_(None))
    if after is not None:
        statement = statement.where(
            tuple_(-Tag.num_questions, Tag.id) > tuple_(-after[0], after[1])
        )
    return (
        await db.scalars(statement.order_by(Tag.num_questions.desc(), Tag.id).limit(limit))
    ).all()


async def beginning(db: AsyncSession, start: str, limit: int) -> Sequence[Tag]:
    """Return tags whose name begins so, the most used first."""
    pattern = start.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
    statement = (
        select(Tag).where(Tag.name.like(pattern)).order_by(Tag.num_questions.desc(), Tag.name)
    )
    return (await db.scalars(statement.limit(limit))).all()


async def add_tag(db: AsyncSession, name: str) -> None:
    """Make a tag unless somebody else just did."""
    await db.execute(insert(Tag).values(name=name, created_at=now()).on_conflict_do_nothing())


async def tags_of(db: AsyncSession, question_ids: Collection[int]) -> list[tuple[int, int, str]]:
    """Return (question, tag, name) of the tags people chose, in the order they wrote them."""
    statement = (
        select(QuestionTag.question_id, Tag.id, Tag.name)
        .join(Tag, Tag.id == QuestionTag.tag_id)
        .where(QuestionTag.question_id.in_(question_ids), QuestionTag.is_own)
        .order_by(QuestionTag.question_id, QuestionTag.position)
    )
    return [(row[0], row[1], row[2]) for row in await db.execute(statement)]


async def tag_ids_of(db: AsyncSession, question_ids: Collection[int]) -> dict[int, list[int]]:
    """Return under which tags questions are filed, the wider ones too."""
    statement = select(QuestionTag).where(QuestionTag.question_id.in_(question_ids))
    found: dict[int, list[int]] = {}
    for row in await db.scalars(statement):
        found.setdefault(row.question_id, []).append(row.tag_id)
    return found


async def rows_of(db: AsyncSession, question_id: int) -> Sequence[QuestionTag]:
    """Return under which tags a question is filed, wider ones included."""
    statement = select(QuestionTag).where(QuestionTag.question_id == question_id)
    return (await db.scalars(statement.execution_options(populate_existing=True))).all()


async def remove_from(db: AsyncSession, question_id: int, tag_ids: Collection[int]) -> None:
    """Take a question from under tags."""
    await db.execute(
        delete(QuestionTag).where(
            QuestionTag.question_id == question_id, QuestionTag.tag_id.in_(tag_ids)
        )
    )


async def count(db: AsyncSession, tag_ids: Collection[int], amount: int) -> None:
    """Count a question more or less under tags."""
    # Always in one order, so that no two wait for each other.
    rows = select(Tag.id).where(Tag.id.in_(tag_ids)).order_by(Tag.id).with_for_update()
    await db.execute(rows)
    await db.execute(
        update(Tag)
        .where(Tag.id.in_(tag_ids))
        .values(num_questions=Tag.num_questions + amount)
        .execution_options(synchronize_session=False)
    )


async def keep_in_step(db: AsyncSession, question_id: int, score: int, active_at: datetime) -> None:
    """Write a question's sort keys where its tags' pages read them."""
    await db.execute(
        update(QuestionTag)
        .where(QuestionTag.question_id == question_id)
        .values(score=score, active_at=active_at)
        .execution_options(synchronize_session=False)
    )


async def questions_under(db: AsyncSession, tag_id: int) -> Sequence[Question]:
    """Return every question that is filed under a tag."""
    statement = (
        select(Question)
        .join(QuestionTag, QuestionTag.question_id == Question.id)
        .where(QuestionTag.tag_id == tag_id)
        .order_by(Question.id)
    )
    return (await db.scalars(statement)).all()


async def recount(db: AsyncSession, tag_ids: Collection[int]) -> None:
    """Count anew how many questions are under tags."""
    counted = (
        select(func.count())
        .select_from(QuestionTag)
        .join(Question, Question.id == QuestionTag.question_id)
        .where(QuestionTag.tag_id == Tag.id, Question.is_hidden.is_(False))
        .scalar_subquery()
    )
    await db.execute(
        update(Tag)
        .where(Tag.id.in_(tag_ids))
        .values(num_questions=counted)
        .execution_options(synchronize_session=False)
    )


async def move_narrower(db: AsyncSession, from_id: int, to_id: int) -> None:
    """Put the narrower tags and the synonyms of one tag under another."""
    for column in (Tag.parent_id, Tag.synonym_of_id):
        await db.execute(
            update(Tag)
            .where(column == from_id, Tag.id != to_id)
            .values({column: to_id})
            .execution_options(synchronize_session=False)
        )


async def replace_above(
    db: AsyncSession, tag_id: int, old: Collection[int], new: Collection[int]
) -> None:
    """Take a tag's questions from under its old wider tags and file them under the new ones."""
    filed = select(QuestionTag.question_id).where(QuestionTag.tag_id == tag_id)
    await db.execute(
        delete(QuestionTag).where(
            QuestionTag.tag_id.in_(old),
            QuestionTag.is_own.is_(False),
            QuestionTag.question_id.in_(filed),
        )
    )
    for wider in old:
        # Another of its narrower tags may still bring a question here.
        others = select(Tag.id).where(Tag.parent_id == wider, Tag.id != tag_id)
        await _file_below(db, wider, QuestionTag.tag_id.in_(others))
    for wider in new:
        await _file_below(db, wider, QuestionTag.tag_id == tag_id)
    await recount(db, [*old, *new])


async def _file_below(db: AsyncSession, wider: int, narrower: ColumnElement[bool]) -> None:
    """File what is under narrower tags under a wider one too."""
    rows = select(
        literal(wider),
        QuestionTag.question_id,
        false(),
        QuestionTag.position + MAX_WIDER,
        QuestionTag.score,
        QuestionTag.active_at,
    ).where(narrower)
    names = ["tag_id", "question_id", "is_own", "position", "score", "active_at"]
    await db.execute(insert(QuestionTag).from_select(names, rows).on_conflict_do_nothing())
