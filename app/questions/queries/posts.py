"""One question with its posts, what happened to it, and what waits to be decided."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from app.core.clock import now
from app.core.db import AsyncSession
from app.questions.schemas import AnswerSort, EditState
from app.questions.tables import Draft, Post, Question, QuestionEvent, SuggestedEdit, Trial

_MOST_ANSWERS = 100


async def question(db: AsyncSession, question_id: int, *, lock: bool = False) -> Question | None:
    """Return a question; `lock` holds it until the transaction ends."""
    statement = select(Question).where(Question.id == question_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return await db.scalar(statement)


async def post(db: AsyncSession, comment_id: int, *, lock: bool = False) -> Post | None:
    """Return what can be voted on, by the id of its comment."""
    statement = select(Post).where(Post.comment_id == comment_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return await db.scalar(statement)


async def answers(
    db: AsyncSession,
    question_id: int,
    sort: AnswerSort,
    after: tuple[object, ...] | None,
    limit: int,
) -> Sequence[Post]:
    """Return answers after a key: (accepted, rank, -id) for the best, (id) else."""
    statement = select(Post).where(Post.question_id == question_id, Post.is_question.is_(False))
    if sort == "best":
        keys = (Post.is_accepted, Post.rank, -Post.comment_id)
        if after is not None:
            statement = statement.where(tuple_(*keys) < tuple_(*after))
        order = (Post.is_accepted.desc(), Post.rank.desc(), Post.comment_id)
        return (await db.scalars(statement.order_by(*order).limit(limit))).all()
    number = Post.comment_id
    if after is not None:
        statement = statement.where(number < after[0] if sort == "new" else number > after[0])
    statement = statement.order_by(number.desc() if sort == "new" else number)
    return (await db.scalars(statement.limit(limit))).all()


async def voted_answers(
    db: AsyncSession, question_id: int, least: int, limit: int
) -> Sequence[Post]:
    """Return the answers with so many votes or more, the best first, then the earliest."""
    statement = (
        select(Post)
        .where(Post.question_id == question_id, Post.is_question.is_(False), Post.score >= least)
        .order_by(Post.score.desc(), Post.comment_id)
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def add_winnings(db: AsyncSession, comment_id: int, points: int, seconds: int) -> None:
    """Add to what bounties brought the author of an answer."""
    await db.execute(
        update(Post)
        .where(Post.comment_id == comment_id)
        .values(won_points=Post.won_points + points, won_gpu_seconds=Post.won_gpu_seconds + seconds)
        .execution_options(synchronize_session=False)
    )


async def answered_posts(db: AsyncSession, question_ids: Collection[int]) -> Sequence[Post]:
    """Return every post of these questions, the question first, then the best answer first."""
    statement = (
        select(Post)
        .where(Post.question_id.in_(question_ids))
        .order_by(
            Post.question_id,
            Post.is_question.desc(),
            Post.is_accepted.desc(),
            Post.rank.desc(),
            Post.comment_id,
        )
    )
    return (await db.scalars(statement)).all()


async def add_score(db: AsyncSession, comment_id: int, amount: int) -> None:
    """Add to the score of a post; any number of voters at once lose nothing."""
    await db.execute(
        update(Post)
        .where(Post.comment_id == comment_id)
        .values(score=Post.score + amount)
        .execution_options(synchronize_session=False)
    )


async def events(db: AsyncSession, question_id: int, limit: int) -> Sequence[QuestionEvent]:
    """Return what happened to a question last, the newest first."""
    statement = (
        select(QuestionEvent)
        .where(QuestionEvent.question_id == question_id)
        .order_by(QuestionEvent.id.desc())
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def suggestion(
    db: AsyncSession, suggestion_id: int, *, lock: bool = False
) -> SuggestedEdit | None:
    """Return a suggested edit."""
    statement = select(SuggestedEdit).where(SuggestedEdit.id == suggestion_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return await db.scalar(statement)


async def waiting_suggestions(
    db: AsyncSession, after: int, limit: int, question_id: int | None = None
) -> Sequence[SuggestedEdit]:
    """Return suggested edits that nobody has decided about, the oldest first."""
    statement = select(SuggestedEdit).where(
        SuggestedEdit.state == EditState.WAITING, SuggestedEdit.id > after
    )
    if question_id is not None:
        statement = statement.where(SuggestedEdit.question_id == question_id)
    return (await db.scalars(statement.order_by(SuggestedEdit.id).limit(limit))).all()


async def move_suggestions(
    db: AsyncSession, which: ColumnElement[bool], before: EditState, after: EditState
) -> list[int]:
    """Let suggested edits stand otherwise; return their numbers."""
    statement = update(SuggestedEdit).where(which, SuggestedEdit.state == before)
    statement = statement.values(state=after).execution_options(synchronize_session=False)
    return list(await db.scalars(statement.returning(SuggestedEdit.id)))


async def hold_suggestions_of(db: AsyncSession, author_id: int) -> list[int]:
    """Let nobody decide about what somebody suggests; return the numbers."""
    return await move_suggestions(
        db, SuggestedEdit.author_id == author_id, EditState.WAITING, EditState.HELD
    )


async def release_suggestions(db: AsyncSession, ids: Collection[int]) -> list[int]:
    """Let suggested edits wait for a decision again; return which were held."""
    return await move_suggestions(db, SuggestedEdit.id.in_(ids), EditState.HELD, EditState.WAITING)


async def has_waiting_suggestion(db: AsyncSession, comment_id: int, author_id: int) -> bool:
    """Whether somebody already waits for a word about their edit of this post."""
    statement = select(SuggestedEdit.id).where(
        SuggestedEdit.comment_id == comment_id,
        SuggestedEdit.author_id == author_id,
        SuggestedEdit.state == EditState.WAITING,
    )
    return await db.scalar(statement.limit(1)) is not None


async def draft(
    db: AsyncSession, author_id: int, target: str, *, lock: bool = False
) -> Draft | None:
    """Return what somebody has begun to write for a place."""
    statement = select(Draft).where(Draft.author_id == author_id, Draft.target == target)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return await db.scalar(statement)


async def begin_draft(db: AsyncSession, author_id: int, target: str) -> None:
    """Make an empty draft for a place unless there is one."""
    made = insert(Draft).values(
        author_id=author_id, target=target, title="", body="", tags="", version=0, updated_at=now()
    )
    await db.execute(made.on_conflict_do_nothing())


async def drafts(db: AsyncSession, author_id: int, limit: int) -> Sequence[Draft]:
    """Return what somebody has begun to write, the newest first."""
    statement = select(Draft).where(Draft.author_id == author_id)
    return (await db.scalars(statement.order_by(Draft.updated_at.desc()).limit(limit))).all()


async def count_drafts(db: AsyncSession, author_id: int) -> int:
    """Return how many drafts somebody keeps."""
    statement = select(func.count()).select_from(Draft).where(Draft.author_id == author_id)
    return await db.scalar(statement) or 0


async def trials(db: AsyncSession, comment_ids: Collection[int], limit: int) -> Sequence[Trial]:
    """Return the runs on which these answers' patches were tried, the newest first."""
    statement = (
        select(Trial)
        .where(Trial.comment_id.in_(comment_ids))
        .order_by(Trial.job_id.desc())
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def tried_answers(db: AsyncSession, job_id: int) -> Sequence[int]:
    """Return the answers whose patches were tried in this run, or on it."""
    statement = select(Trial.comment_id).where(
        or_(Trial.job_id == job_id, Trial.base_job_id == job_id)
    )
    return (await db.scalars(statement.distinct().limit(_MOST_ANSWERS))).all()


async def lock_posts(db: AsyncSession, comment_ids: Collection[int]) -> Sequence[Post]:
    """Return posts, held until the transaction ends; always in the same order."""
    statement = (
        select(Post)
        .where(Post.comment_id.in_(comment_ids))
        .order_by(Post.comment_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await db.scalars(statement)).all()


async def set_question_score(db: AsyncSession, question_id: int, score: int) -> None:
    """Write a question's score where lists read it; the row of its post is locked meanwhile."""
    await db.execute(
        update(Question)
        .where(Question.id == question_id)
        .values(score=score)
        .execution_options(synchronize_session=False)
    )


async def questions_of_posts(db: AsyncSession, comment_ids: Collection[int]) -> dict[int, int]:
    """Return the questions of these posts, by post."""
    statement = select(Post.comment_id, Post.question_id).where(Post.comment_id.in_(comment_ids))
    return {row[0]: row[1] for row in await db.execute(statement)}


async def questions_of_threads(db: AsyncSession, thread_ids: Collection[int]) -> Sequence[Question]:
    """Return the questions whose words and answers are in these threads."""
    return (await db.scalars(select(Question).where(Question.thread_id.in_(thread_ids)))).all()


async def questions_of_remarks(
    db: AsyncSession, thread_ids: Collection[int]
) -> list[tuple[int, Question]]:
    """Return the questions under whose posts these threads of remarks are, each with its thread."""
    statement = (
        select(Post.remarks_id, Question)
        .join(Question, Question.id == Post.question_id)
        .where(Post.remarks_id.in_(thread_ids))
    )
    found = await db.execute(statement)
    return [(remarks_id, question) for remarks_id, question in found if remarks_id is not None]


async def posts_by_id(db: AsyncSession, comment_ids: Collection[int]) -> Sequence[Post]:
    """Return those of these posts that exist."""
    return (await db.scalars(select(Post).where(Post.comment_id.in_(comment_ids)))).all()


async def posts_of_remarks(db: AsyncSession, thread_ids: Collection[int]) -> Sequence[Post]:
    """Return the posts under which these threads of remarks are."""
    return (await db.scalars(select(Post).where(Post.remarks_id.in_(thread_ids)))).all()


async def post_of_remarks(db: AsyncSession, thread_id: int) -> Post | None:
    """Return the post under which this thread of remarks is."""
    return await db.scalar(select(Post).where(Post.remarks_id == thread_id))


async def delete_drafts_of(db: AsyncSession, author_id: int) -> None:
    """Forget everything a person has begun to write."""
    await db.execute(delete(Draft).where(Draft.author_id == author_id))
