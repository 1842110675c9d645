"""Reading and counting threads."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update

from app.comments.tables import Comment, CommentRevision, PostPicture, Thread
from app.core.db import AsyncSession


async def comment(
    db: AsyncSession, thread_id: int, comment_id: int, *, lock: bool = False
) -> Comment | None:
    """Return a comment of this thread; `lock` holds it until the transaction ends."""
    statement = select(Comment).where(Comment.id == comment_id, Comment.thread_id == thread_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return await db.scalar(statement)


async def comments_of_author(db: AsyncSession, author_id: int, limit: int) -> Sequence[Comment]:
    """Return what somebody wrote last and is still there, the newest first."""
    statement = (
        select(Comment)
        .where(Comment.author_id == author_id, Comment.hidden_at.is_(None))
        .order_by(Comment.id.desc())
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def num_since(db: AsyncSession, moment: datetime, most: int) -> int:
    """Return how many comments were written since a moment; nobody counts beyond `most`."""
    newest = select(Comment.id).where(Comment.created_at >= moment).limit(most).subquery()
    return int(await db.scalar(select(func.count()).select_from(newest)) or 0)


async def written_since(
    db: AsyncSession, author_id: int, moment: datetime, *, topics: bool, limit: int
) -> Sequence[datetime]:
    """Return when somebody wrote topics, or replies, since a moment, the newest first."""
    statement = (
        select(Comment.created_at)
        .where(
            Comment.author_id == author_id,
            Comment.created_at > moment,
            Comment.opens_thread.is_(topics),
        )
        .order_by(Comment.created_at.desc())
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def num_written(db: AsyncSession, author_id: int, limit: int) -> int:
    """Return how many comments somebody wrote, counted up to `limit`."""
    few = select(Comment.id).where(Comment.author_id == author_id).limit(limit)
    return int(await db.scalar(select(func.count()).select_from(few.subquery())) or 0)


async def num_standing(db: AsyncSession, author_id: int, limit: int) -> int:
    """Return how many comments of somebody stand, counted up to `limit`."""
    few = (
        select(Comment.id)
        .where(
            Comment.author_id == author_id,
            Comment.hidden_at.is_(None),
            Comment.held_at.is_(None),
        )
        .limit(limit)
    )
    return int(await db.scalar(select(func.count()).select_from(few.subquery())) or 0)


async def set_thread_held(db: AsyncSession, thread_id: int, *, held: bool) -> None:
    """Let the title of a thread wait with the words that opened it, or no more."""
    await db.execute(
        update(Thread)
        .where(Thread.id == thread_id)
        .values(is_held=held)
        .execution_options(synchronize_session=False)
    )


async def comments(
    db: AsyncSession, thread_id: int, after: int, limit: int | None
) -> Sequence[Comment]:
    """Return comments with larger ids than `after`, oldest first; all of them without a limit."""
    statement = (
        select(Comment)
        .where(Comment.thread_id == thread_id, Comment.id > after)
        .order_by(Comment.id)
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def comment_by_id(db: AsyncSession, comment_id: int) -> Comment | None:
    """Return a comment of any thread."""
    return await db.get(Comment, comment_id)


async def first_comment(db: AsyncSession, thread_id: int) -> Comment | None:
    """Return the comment that a thread begins with."""
    statement = select(Comment).where(Comment.thread_id == thread_id)
    return await db.scalar(statement.order_by(Comment.id).limit(1))


async def authors(db: AsyncSession, thread_id: int, limit: int) -> Sequence[int]:
    """Return who wrote what stands in a thread, at most `limit` people."""
    statement = select(Comment.author_id).where(
        Comment.thread_id == thread_id,
        Comment.author_id.is_not(None),
        Comment.hidden_at.is_(None),
    )
    rows = await db.scalars(statement.distinct().limit(limit))
    return [number for number in rows if number is not None]


async def written_between(
    db: AsyncSession, subject: str, start: datetime, end: datetime, limit: int
) -> Sequence[Comment]:
    """Return what was written under things of one kind in a span of time, the oldest first."""
    statement = (
        select(Comment)
        .join(Thread, Thread.id == Comment.thread_id)
        .where(Thread.subject == subject, Comment.created_at >= start, Comment.created_at < end)
        .order_by(Comment.id)
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def by_ids(
    db: AsyncSession, ids: Collection[int], *, lock: bool = False
) -> Sequence[Comment]:
    """Return those that exist, in order; `lock` holds them until the transaction ends."""
    statement = select(Comment).where(Comment.id.in_(ids)).order_by(Comment.id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return (await db.scalars(statement)).all()


async def first_of_each(
    db: AsyncSession, thread_ids: Collection[int], limit: int
) -> Sequence[Comment]:
    """Return the first comments of each of these threads, at most `limit` of one."""
    place = func.row_number().over(partition_by=Comment.thread_id, order_by=Comment.id)
    numbered = (
        select(Comment.id, place.label("place")).where(Comment.thread_id.in_(thread_ids)).subquery()
    )
    statement = (
        select(Comment)
        .join(numbered, numbered.c.id == Comment.id)
        .where(numbered.c.place <= limit)
        .order_by(Comment.thread_id, Comment.id)
    )
    return (await db.scalars(statement)).all()


async def revisions(db: AsyncSession, comment_ids: Collection[int]) -> Sequence[CommentRevision]:
    """Return the earlier wordings of these comments, the oldest first."""
    statement = (
        select(CommentRevision)
        .where(CommentRevision.comment_id.in_(comment_ids))
        .order_by(CommentRevision.comment_id, CommentRevision.number)
    )
    return (await db.scalars(statement)).all()


async def count_one_more(db: AsyncSession, thread_id: int, moment: datetime) -> int:
    """Count a new comment of a thread, and return how many there are now."""
    statement = (
        update(Thread)
        .where(Thread.id == thread_id)
        .values(num_comments=Thread.num_comments + 1, last_comment_at=moment)
        .returning(Thread.num_comments)
        .execution_options(synchronize_session=False)
    )
    return int((await db.execute(statement)).scalar_one())


async def is_empty(db: AsyncSession, thread_id: int) -> bool:
    """Whether nobody has written in a thread."""
    return await db.scalar(select(Thread.num_comments).where(Thread.id == thread_id)) == 0


async def threads(db: AsyncSession, ids: Collection[int]) -> Sequence[Thread]:
    """Return threads by id, as the database has them now."""
    statement = select(Thread).where(Thread.id.in_(ids))
    return (await db.scalars(statement.execution_options(populate_existing=True))).all()


async def delete_threads(db: AsyncSession, subject: str, subject_id: int) -> None:
    """Remove every thread under one thing, with its comments."""
    await db.execute(
        delete(Thread).where(Thread.subject == subject, Thread.subject_id == subject_id)
    )


async def delete_revisions(db: AsyncSession, comment_id: int) -> None:
    """Forget what a comment said before."""
    await db.execute(delete(CommentRevision).where(CommentRevision.comment_id == comment_id))


async def picture(db: AsyncSession, name: str) -> PostPicture | None:
    """Return the picture of this name."""
    return await db.get(PostPicture, name)


async def pictures_of(db: AsyncSession, owner_id: int, limit: int) -> Sequence[PostPicture]:
    """Return somebody's pictures, the newest first."""
    statement = select(PostPicture).where(PostPicture.owner_id == owner_id)
    statement = statement.order_by(PostPicture.created_at.desc(), PostPicture.name).limit(limit)
    return (await db.scalars(statement)).all()


async def count_pictures(db: AsyncSession, owner_id: int, since: datetime) -> int:
    """Return how many pictures somebody has sent since then."""
    statement = select(func.count()).select_from(PostPicture)
    statement = statement.where(PostPicture.owner_id == owner_id, PostPicture.created_at > since)
    return int(await db.scalar(statement) or 0)


async def has_picture(db: AsyncSession, sha256: str) -> bool:
    """Whether some picture has this content."""
    statement = select(PostPicture.name).where(PostPicture.sha256 == sha256).limit(1)
    return await db.scalar(statement) is not None
