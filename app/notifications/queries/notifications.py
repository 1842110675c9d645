"""A person's notifications: lists by thread, counts, and marking."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, tuple_, update

from app.core.db import AsyncSession
from app.notifications.schemas import Filters, State, Target
from app.notifications.tables import Notification

_NOW = func.clock_timestamp()
_UNREAD = Notification.in_app & Notification.read_at.is_(None) & Notification.done_at.is_(None)
_STATES: dict[State, ColumnElement[bool]] = {
    State.UNREAD: _UNREAD,
    State.ALL: Notification.in_app & Notification.done_at.is_(None),
    State.DONE: Notification.in_app & Notification.done_at.is_not(None),
}


@dataclass(frozen=True)
class ThreadRow:
    """How much there is of one thread; `newest` is the last number."""

    thread: Target
    newest: int
    num_all: int
    num_unread: int


def _narrowed(person_id: int, filters: Filters) -> list[ColumnElement[bool]]:
    conditions = [Notification.person_id == person_id, _STATES[filters.state]]
    if filters.kind is not None:
        conditions.append(Notification.kind == filters.kind)
    if filters.repository_id is not None:
        conditions.append(Notification.repository_id == filters.repository_id)
    return conditions


async def threads(
    db: AsyncSession, person_id: int, filters: Filters, before: int | None, limit: int
) -> list[ThreadRow]:
    """Return the threads of a person's notifications, the one with the newest first."""
    newest = func.max(Notification.id)
    statement = select(
        Notification.subject,
        Notification.subject_id,
        newest,
        func.count(),
        func.count().filter(Notification.read_at.is_(None)),
    ).where(*_narrowed(person_id, filters))
    statement = statement.group_by(Notification.subject, Notification.subject_id)
    if before is not None:
        statement = statement.having(newest < before)
    rows = await db.execute(statement.order_by(newest.desc()).limit(limit))
    return [ThreadRow(Target(row[0], row[1]), row[2], row[3], row[4]) for row in rows]


async def by_ids(db: AsyncSession, ids: Collection[int]) -> dict[int, Notification]:
    """Return those that exist."""
    statement = select(Notification).where(Notification.id.in_(ids))
    return {row.id: row for row in await db.scalars(statement)}


async def actors(
    db: AsyncSession, person_id: int, filters: Filters, threads: Collection[Target]
) -> list[tuple[Target, int]]:
    """Return who did something in these threads, the last first."""
    newest = func.max(Notification.id)
    statement = select(Notification.subject, Notification.subject_id, Notification.actor_id)
    statement = statement.where(
        *_narrowed(person_id, filters), _in(threads), Notification.actor_id.is_not(None)
    )
    statement = statement.group_by(
        Notification.subject, Notification.subject_id, Notification.actor_id
    ).order_by(newest.desc())
    rows = await db.execute(statement.limit(500))
    return [(Target(row[0], row[1]), row[2]) for row in rows if row[2] is not None]


def _in(threads: Collection[Target]) -> ColumnElement[bool]:
    pairs = [(thread.kind, thread.id) for thread in threads]
    return tuple_(Notification.subject, Notification.subject_id).in_(pairs)


async def own(db: AsyncSession, person_id: int, number: int) -> Notification | None:
    """Return one of this person's notifications."""
    statement = select(Notification).where(
        Notification.id == number, Notification.person_id == person_id, Notification.in_app
    )
    return await db.scalar(statement)


async def list_after(
    db: AsyncSession, person_id: int, filters: Filters, before: int | None, limit: int
) -> Sequence[Notification]:
    """Return single notifications, the newest first."""
    statement = select(Notification).where(*_narrowed(person_id, filters))
    if before is not None:
        statement = statement.where(Notification.id < before)
    return (await db.scalars(statement.order_by(Notification.id.desc()).limit(limit))).all()


async def unread(db: AsyncSession, people: Collection[int]) -> list[tuple[int, Target, int, int]]:
    """Return, for each person and thread, how many are unread, and the number of the last."""
    statement = (
        select(
            Notification.person_id,
            Notification.subject,
            Notification.subject_id,
            func.count(),
            func.max(Notification.id),
        )
        .where(Notification.person_id.in_(people), _UNREAD)
        .group_by(Notification.person_id, Notification.subject, Notification.subject_id)
    )
    rows = await db.execute(statement)
    return [(row[0], Target(row[1], row[2]), row[3], row[4]) for row in rows]


async def repositories(db: AsyncSession, person_id: int, limit: int) -> Sequence[int]:
    """Return the repositories that a person's notifications belong to, the last told first."""
    statement = (
        select(Notification.repository_id)
        .where(
            Notification.person_id == person_id,
            Notification.in_app,
            Notification.repository_id.is_not(None),
        )
        .group_by(Notification.repository_id)
        .order_by(func.max(Notification.id).desc())
        .limit(limit)
    )
    return [number for number in await db.scalars(statement) if number is not None]


async def mark_read(
    db: AsyncSession, person_id: int, where: Filters, threads: Collection[Target], upto: int
) -> tuple[datetime, int]:
    """Mark as read; return the moment that undoes it, and how many there were."""
    return await _mark(db, person_id, where, threads, upto, done=False)


async def mark_done(
    db: AsyncSession, person_id: int, where: Filters, threads: Collection[Target], upto: int
) -> tuple[datetime, int]:
    """Put aside; return the moment that undoes it, and how many there were."""
    return await _mark(db, person_id, where, threads, upto, done=True)


async def _mark(  # whose, which, up to where, and how
    db: AsyncSession,
    person_id: int,
    where: Filters,
    threads: Collection[Target],
    upto: int,
    *,
    done: bool,
) -> tuple[datetime, int]:
    moment: datetime = (await db.execute(select(_NOW))).scalar_one()
    column = Notification.done_at if done else Notification.read_at
    chosen = select(Notification.id).where(
        *_narrowed(person_id, where), column.is_(None), Notification.id <= upto
    )
    if threads:
        chosen = chosen.where(_in(threads))
    statement = update(Notification).where(Notification.id.in_(chosen))
    statement = statement.values({column: moment}).execution_options(synchronize_session=False)
    marked = (await db.scalars(statement.returning(Notification.id))).all()
    return moment, len(marked)


async def unmark(db: AsyncSession, person_id: int, moment: datetime) -> int:
    """Take back what was marked at this very moment; return how many there were."""
    count = 0
    for column in (Notification.read_at, Notification.done_at):
        statement = update(Notification).where(
            Notification.person_id == person_id, column == moment
        )
        statement = statement.values({column: None}).execution_options(synchronize_session=False)
        count += len((await db.scalars(statement.returning(Notification.id))).all())
    return count


async def mark_unread(db: AsyncSession, person_id: int, threads: Collection[Target]) -> int:
    """Let whole threads count as unread again, the newest of each."""
    newest = (
        select(func.max(Notification.id))
        .where(Notification.person_id == person_id, Notification.in_app, _in(threads))
        .group_by(Notification.subject, Notification.subject_id)
    )
    statement = update(Notification).where(Notification.id.in_(newest))
    statement = statement.values(read_at=None, done_at=None)
    statement = statement.execution_options(synchronize_session=False)
    return len((await db.scalars(statement.returning(Notification.id))).all())


async def forget_done(db: AsyncSession, kept: timedelta) -> None:
    """Forget what was put aside long ago."""
    await db.execute(delete(Notification).where(Notification.done_at < _NOW - kept))
