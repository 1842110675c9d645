"""News on its way to people: taking it, telling it in batches, and what was decided."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import Table, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from app.core.db import AsyncSession
from app.core.sql import taken
from app.notifications.schemas import Kind, Level, News, Target
from app.notifications.tables import Decision, Happening, Notification, Preference, Wish

# The database's own clock: which process took some news does not matter then.
_NOW = func.clock_timestamp()
# Thousands of rows at once go past the mapper, which would cost half of the time.
_NOTIFICATIONS = cast("Table", Notification.__table__)
_DECISIONS = cast("Table", Decision.__table__)


async def add(db: AsyncSession, news: News) -> bool:
    """Write down some news; False if it was known already."""
    statement = insert(Happening).values(
        key=news.key,
        what=news.what,
        subject=news.thread.kind,
        subject_id=news.thread.id,
        entry_id=news.entry_id,
        repository_id=news.repository_id,
        actor_id=news.actor_id,
        due_at=_NOW,
        created_at=_NOW,
    )
    statement = statement.on_conflict_do_nothing(index_elements=["key"])
    return await db.scalar(statement.returning(Happening.id)) is not None


async def take_due(db: AsyncSession, lease: timedelta) -> int | None:
    """Take the oldest news that is due; nobody else takes it until the lease is over."""
    due = (
        select(Happening.id)
        .where(Happening.finished_at.is_(None), Happening.due_at <= _NOW)
        .order_by(Happening.due_at, Happening.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = update(Happening).where(Happening.id.in_(taken(due))).values(due_at=_NOW + lease)
    return await db.scalar(statement.returning(Happening.id))


async def happening(db: AsyncSession, number: int) -> Happening | None:
    """Return some news, held until the transaction ends."""
    return await db.get(Happening, number, with_for_update=True, populate_existing=True)


async def went_on(db: AsyncSession, number: int, told_to: int, lease: timedelta) -> None:
    """Remember how far the telling came, and hold the news for longer."""
    statement = update(Happening).where(Happening.id == number)
    await db.execute(statement.values(told_to=told_to, due_at=_NOW + lease))


async def finish(db: AsyncSession, number: int) -> None:
    """Some news has been told to everybody."""
    await db.execute(update(Happening).where(Happening.id == number).values(finished_at=_NOW))


async def reopen(db: AsyncSession, entry_id: int) -> bool:
    """Let news of an entry be told from the beginning; False if there is none."""
    statement = update(Happening).where(Happening.entry_id == entry_id)
    statement = statement.values(finished_at=None, told_to=None, due_at=_NOW)
    return bool((await db.scalars(statement.returning(Happening.id))).all())


def _targets(targets: Collection[Target]) -> Any:
    pairs = [(target.kind, target.id) for target in targets]
    return tuple_(Wish.target, Wish.target_id).in_(pairs)


async def watchers(
    db: AsyncSession, targets: Collection[Target], after: int, limit: int
) -> Sequence[int]:
    """Return people who watch one of these, each once, by number."""
    if not targets:
        return ()
    statement = (
        select(Wish.person_id)
        .where(_targets(targets), Wish.level == Level.WATCH, Wish.person_id > after)
        .distinct()
        .order_by(Wish.person_id)
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def wishes(
    db: AsyncSession, people: Collection[int], targets: Collection[Target]
) -> dict[int, dict[Target, Level]]:
    """Return what these people said about these things."""
    statement = select(Wish).where(Wish.person_id.in_(people), _targets(targets))
    found: dict[int, dict[Target, Level]] = {}
    for row in await db.scalars(statement):
        found.setdefault(row.person_id, {})[Target(row.target, row.target_id)] = row.level
    return found


async def preferences(
    db: AsyncSession, people: Collection[int]
) -> Mapping[tuple[int, Kind], Preference]:
    """Return what these people chose."""
    statement = select(Preference).where(Preference.person_id.in_(people))
    return {(row.person_id, row.kind): row for row in await db.scalars(statement)}


async def write(db: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> Sequence[int]:
    """Write notifications; return who was told now and not before."""
    if not rows:
        return ()
    # Rows apart from the statement: one with all their values would be compiled anew each time.
    statement = insert(_NOTIFICATIONS).on_conflict_do_nothing(index_elements=["person_id", "key"])
    told = statement.returning(_NOTIFICATIONS.c.person_id)
    connection = await db.connection()
    people: Sequence[int] = (await connection.execute(told, list(rows))).scalars().all()
    return people


async def write_decisions(db: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write what was decided; what was decided before stays."""
    if rows:
        statement = insert(_DECISIONS).on_conflict_do_nothing()
        await (await db.connection()).execute(statement, list(rows))


async def decide_mail(db: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write what became of mails in place of what was planned."""
    if not rows:
        return
    statement = insert(Decision).values(list(rows))
    statement = statement.on_conflict_do_update(
        index_elements=["person_id", "happening_id", "channel"],
        set_={"is_told": statement.excluded.is_told, "why": statement.excluded.why},
    )
    await db.execute(statement)


async def numbers_of(db: AsyncSession, keys: Collection[str]) -> dict[str, int]:
    """Return the numbers of news by key, of those that are still kept."""
    statement = select(Happening.key, Happening.id).where(Happening.key.in_(keys))
    return {row[0]: row[1] for row in await db.execute(statement)}


async def ledger(
    db: AsyncSession, person_id: int, before: int | None, limit: int
) -> list[tuple[Happening, list[Decision]]]:
    """Return what was decided about a person, the newest news first."""
    decided = select(Decision.happening_id).where(Decision.person_id == person_id)
    if before is not None:
        decided = decided.where(Decision.happening_id < before)
    decided = decided.distinct().order_by(Decision.happening_id.desc()).limit(limit)
    numbers = (await db.scalars(decided)).all()
    news = {row.id: row for row in await db.scalars(_kept(numbers))}
    found: dict[int, list[Decision]] = {number: [] for number in numbers if number in news}
    statement = select(Decision).where(
        Decision.person_id == person_id, Decision.happening_id.in_(numbers)
    )
    for row in await db.scalars(statement.order_by(Decision.channel)):
        found[row.happening_id].append(row)
    return [(news[number], rows) for number, rows in found.items()]


def _kept(numbers: Collection[int]) -> Any:
    return select(Happening).where(Happening.id.in_(numbers))


async def forget_old(db: AsyncSession, kept: timedelta) -> None:
    """Forget what happened long ago, and what was decided then."""
    await db.execute(delete(Happening).where(Happening.created_at < _NOW - kept))
