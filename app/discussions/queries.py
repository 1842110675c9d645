"""Reading discussions, and giving them their numbers."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from app.core.db import AsyncSession
from app.discussions.schemas import Counts, ListFilters, Status
from app.discussions.tables import Counter, Discussion, DiscussionEvent

_LIVE = (Status.OPEN, Status.DRAFT)


async def next_num(db: AsyncSession, repository_id: int) -> int:
    """Return the next number of a repository; others wait until this transaction has ended."""
    statement = insert(Counter).values(repository_id=repository_id, last_num=1)
    statement = statement.on_conflict_do_update(
        index_elements=["repository_id"], set_={"last_num": Counter.last_num + 1}
    )
    return int((await db.execute(statement.returning(Counter.last_num))).scalar_one())


async def by_num(
    db: AsyncSession, repository_id: int, num: int, *, lock: bool = False
) -> Discussion | None:
    """Return a discussion by its number; `lock` holds it until the transaction ends."""
    statement = select(Discussion).where(
        Discussion.repository_id == repository_id, Discussion.num == num
    )
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return await db.scalar(statement)


async def ended_pulls(db: AsyncSession, repository_id: int) -> Sequence[Discussion]:
    """Return the pull requests that remember their commits, held until the transaction ends."""
    statement = (
        select(Discussion)
        .where(Discussion.repository_id == repository_id, Discussion.head_oid != "")
        .order_by(Discussion.id)
        .with_for_update()
    )
    return (await db.scalars(statement)).all()


Where = Select[Discussion]


def _narrowed(statement: Where, filters: ListFilters, author_id: int | None) -> Where:
    if filters.is_pull_request is not None:
        statement = statement.where(Discussion.is_pull_request.is_(filters.is_pull_request))
    if filters.is_live is not None:
        among = Discussion.status.in_(_LIVE)
        statement = statement.where(among if filters.is_live else ~among)
    if author_id is not None:
        statement = statement.where(Discussion.author_id == author_id)
    if filters.search:
        statement = statement.where(Discussion.title.icontains(filters.search, autoescape=True))
    return statement


async def numbered(  # a page, one argument a choice
    db: AsyncSession,
    repository_id: int,
    filters: ListFilters,
    author_id: int | None,
    offset: int,
    limit: int,
) -> tuple[Sequence[Discussion], int]:
    """Return discussions of a repository, the newest first, and how many there are in all."""
    base = select(Discussion).where(Discussion.repository_id == repository_id)
    narrowed = _narrowed(base, filters, author_id)
    total = await db.scalar(select(func.count()).select_from(narrowed.subquery()))
    rows = await db.scalars(narrowed.order_by(Discussion.num.desc()).offset(offset).limit(limit))
    return rows.all(), int(total or 0)


async def after(  # a page, one argument a choice
    db: AsyncSession,
    repository_id: int,
    filters: ListFilters,
    author_id: int | None,
    before: int | None,
    limit: int,
) -> Sequence[Discussion]:
    """Return discussions that are not pinned with smaller numbers than `before`, newest first."""
    statement = select(Discussion).where(
        Discussion.repository_id == repository_id, Discussion.pinned.is_(False)
    )
    if before is not None:
        statement = statement.where(Discussion.num < before)
    statement = _narrowed(statement, filters, author_id).order_by(Discussion.num.desc())
    return (await db.scalars(statement.limit(limit))).all()


async def pinned(
    db: AsyncSession, repository_id: int, filters: ListFilters, author_id: int | None
) -> Sequence[Discussion]:
    """Return the pinned discussions of a repository, newest first."""
    statement = select(Discussion).where(
        Discussion.repository_id == repository_id, Discussion.pinned.is_(True)
    )
    statement = _narrowed(statement, filters, author_id).order_by(Discussion.num.desc())
    return (await db.scalars(statement)).all()


async def counts(db: AsyncSession, repository_id: int) -> Counts:
    """Return how many discussions of a repository are live and how many are not."""
    live = func.count().filter(Discussion.status.in_(_LIVE))
    row = (
        await db.execute(
            select(live, func.count() - live).where(Discussion.repository_id == repository_id)
        )
    ).one()
    return Counts(int(row[0]), int(row[1]))


async def events(db: AsyncSession, discussion_id: int) -> Sequence[DiscussionEvent]:
    """Return what happened to a discussion, in order."""
    statement = (
        select(DiscussionEvent)
        .where(DiscussionEvent.discussion_id == discussion_id)
        .order_by(DiscussionEvent.id)
    )
    return (await db.scalars(statement)).all()


async def changed_since(
    db: AsyncSession, moment: datetime, after_id: int, limit: int
) -> list[tuple[datetime, int]]:
    """Return when discussions changed after a moment, and their ids, the earliest first."""
    place = (Discussion.updated_at, Discussion.id)
    statement = select(*place).where(tuple_(*place) > (moment, after_id))
    rows = await db.execute(statement.order_by(*place).limit(limit))
    return [(changed, number) for changed, number in rows]


async def opened_between(
    db: AsyncSession, start: datetime, end: datetime, limit: int
) -> Sequence[Discussion]:
    """Return the discussions that began in a span of time and changed after it began."""
    statement = select(Discussion).where(
        Discussion.updated_at >= start, Discussion.created_at >= start, Discussion.created_at < end
    )
    return (await db.scalars(statement.order_by(Discussion.id).limit(limit))).all()


async def by_threads(db: AsyncSession, thread_ids: Collection[int]) -> Sequence[Discussion]:
    """Return the discussions that these threads belong to."""
    return (await db.scalars(select(Discussion).where(Discussion.thread_id.in_(thread_ids)))).all()


async def by_ids(db: AsyncSession, ids: Collection[int]) -> Sequence[Discussion]:
    """Return those that exist."""
    return (await db.scalars(select(Discussion).where(Discussion.id.in_(ids)))).all()
