"""What is kept of limits and usage. A hot path reads one row of an account, whatever it holds."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import delete, func, literal, select, text
from sqlalchemy.dialects.postgresql import insert

from app.core.clock import now
from app.core.db import AsyncSession
from app.quotas.counting import DRIFT, REBUILD, SOURCES, charged
from app.quotas.schemas import Drift, Kind
from app.quotas.tables import Content, Crossing, Day, Limit, LimitChange, Usage


@dataclass(frozen=True)
class Held:
    """What an account holds, and the limits of its own."""

    stored: Mapping[Kind, int]
    own: Mapping[Kind, int]


async def held(db: AsyncSession, account_id: int) -> Held:
    """Return what an account holds and its own limits, in one statement."""
    limits = (
        select(func.jsonb_object_agg(Limit.kind, Limit.amount))
        .where(Limit.account_id == account_id)
        .scalar_subquery()
    )
    counted = select(Usage.bytes, Usage.files, Usage.repositories).where(
        Usage.account_id == account_id
    )
    base = select(func.coalesce(limits, text("'{}'::jsonb")).label("own")).subquery()
    found = counted.subquery()
    row = (
        await db.execute(
            select(base.c.own, found.c.bytes, found.c.files, found.c.repositories).select_from(
                base.outerjoin(found, text("true"))
            )
        )
    ).one()
    stored = {
        Kind.BYTES: row.bytes or 0,
        Kind.FILES: row.files or 0,
        Kind.REPOSITORIES: row.repositories or 0,
    }
    return Held(stored, {Kind(name): amount for name, amount in row.own.items()})


async def limit_of(db: AsyncSession, account_id: int, kind: Kind) -> int | None:
    """Return an account's own limit, if it has one."""
    return await db.scalar(
        select(Limit.amount).where(Limit.account_id == account_id, Limit.kind == kind)
    )


async def own_limits(db: AsyncSession, account_ids: Sequence[int]) -> Sequence[Limit]:
    """Return the limits that these accounts have of their own."""
    rows = await db.scalars(select(Limit).where(Limit.account_id.in_(account_ids)))
    return rows.all()


async def set_limit(db: AsyncSession, account_id: int, kind: Kind, amount: int | None) -> None:
    """Give an account a limit of its own, or take it away."""
    if amount is None:
        await db.execute(delete(Limit).where(Limit.account_id == account_id, Limit.kind == kind))
        return
    statement = insert(Limit).values(account_id=account_id, kind=kind, amount=amount)
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=["account_id", "kind"], set_={"amount": amount}
        )
    )


async def changes_of(db: AsyncSession, account_id: int, limit: int) -> Sequence[LimitChange]:
    """Return how an account's limits were changed, the latest first."""
    rows = await db.scalars(
        select(LimitChange)
        .where(LimitChange.account_id == account_id)
        .order_by(LimitChange.id.desc())
        .limit(limit)
    )
    return rows.all()


async def crossings(db: AsyncSession, account_id: int) -> dict[Kind, Crossing]:
    """Return the limits an account is near to, as far as it was told."""
    rows = await db.scalars(select(Crossing).where(Crossing.account_id == account_id))
    return {row.kind: row for row in rows}


async def crossings_by_id(db: AsyncSession, ids: Collection[int]) -> dict[int, Crossing]:
    """Return crossings that still hold, by number."""
    rows = await db.scalars(select(Crossing).where(Crossing.id.in_(ids)))
    return {row.id: row for row in rows}


async def add_crossing(db: AsyncSession, account_id: int, kind: Kind) -> int | None:
    """Note that an account is near a limit; None if that was noted before."""
    return await db.scalar(
        insert(Crossing)
        .values(account_id=account_id, kind=kind, crossed_at=now())
        .on_conflict_do_nothing()
        .returning(Crossing.id)
    )


async def drop_crossing(db: AsyncSession, account_id: int, kind: Kind) -> None:
    """Forget that an account was near a limit."""
    await db.execute(
        delete(Crossing).where(Crossing.account_id == account_id, Crossing.kind == kind)
    )


async def bytes_by_source(db: AsyncSession, account_id: int) -> dict[str, int]:
    """Return the bytes by what refers to them, and `shared`: those referred to more than once."""
    parts = " UNION ALL ".join(
        f"SELECT '{name}' AS source, coalesce(sum(size), 0)::bigint AS bytes FROM ("  # noqa: S608  # our own words
        f"SELECT DISTINCT key, size FROM ({charged(name, name)}) s "
        "WHERE account_id = :account_id AND key IS NOT NULL) d"
        for name in SOURCES
    )
    rows = await db.execute(text(parts), {"account_id": account_id})
    return {row.source: row.bytes for row in rows}


async def counted_bytes(db: AsyncSession, account_id: int) -> int:
    """Return the sum of the contents of an account as they are noted one by one."""
    return (
        await db.scalar(
            select(func.coalesce(func.sum(Content.size), 0)).where(Content.account_id == account_id)
        )
        or 0
    )


async def drift(db: AsyncSession) -> Sequence[Drift]:
    """Return every counter that is not the sum of what is stored, at one moment."""
    rows = await db.execute(text(DRIFT))
    return [
        Drift(row.account_id, kind, counted, stored)
        for row in rows
        for kind, counted, stored in (
            (Kind.BYTES, row.counted_bytes, row.bytes),
            (Kind.FILES, row.counted_files, row.files),
            (Kind.REPOSITORIES, row.counted_repositories, row.repositories),
        )
        if counted != stored
    ]


async def rebuild(db: AsyncSession) -> None:
    """Write every counter anew from what is stored; writers wait until the transaction ends."""
    for statement in REBUILD:
        await db.execute(text(statement))


async def close_day(db: AsyncSession, day: date) -> bool:
    """Note what every account holds at the end of a day; False if that was done before."""
    name = f"quotas.close {day}"
    await db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
    known = select(Day.account_id).where(Day.day == day, Day.bytes.is_not(None)).limit(1)
    if await db.scalar(known) is not None:
        return False
    statement = insert(Day).from_select(
        ["account_id", "day", "bytes"],
        select(Usage.account_id, literal(day), Usage.bytes),
    )
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=["account_id", "day"], set_={"bytes": statement.excluded.bytes}
        )
    )
    return True


async def days_of(db: AsyncSession, account_id: int, num_days: int) -> Sequence[Day]:
    """Return the last days of an account, the earliest first."""
    first = now().date() - timedelta(days=num_days - 1)
    rows = await db.scalars(
        select(Day).where(Day.account_id == account_id, Day.day >= first).order_by(Day.day)
    )
    return rows.all()


async def gpu_seconds(db: AsyncSession, account_id: int, num_days: int) -> float:
    """Return the GPU-seconds of an account's ended attempts in the last days, today included."""
    first = now().date() - timedelta(days=num_days - 1)
    statement = select(func.coalesce(func.sum(Day.gpu_s), 0.0)).where(
        Day.account_id == account_id, Day.day >= first
    )
    return (await db.scalars(statement)).one()


async def held_sizes(db: AsyncSession, account_id: int, sizes: Collection[int]) -> set[int]:
    """Return which of these sizes a content of an account has."""
    rows = await db.scalars(
        select(Content.size)
        .where(Content.account_id == account_id, Content.size.in_(set(sizes)))
        .distinct()
    )
    return set(rows)


async def add_to_day(
    db: AsyncSession, account_id: int, day: date, gpu_s: float, cpu_s: float
) -> None:
    """Add to what an account computed on a day."""
    statement = insert(Day).values(account_id=account_id, day=day, gpu_s=gpu_s, cpu_s=cpu_s)
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=["account_id", "day"],
            set_={"gpu_s": Day.gpu_s + gpu_s, "cpu_s": Day.cpu_s + cpu_s},
        )
    )


async def add_share(db: AsyncSession, account_id: int, weight: float, half_life_s: float) -> None:
    """Add to what an account used of the machines lately, after forgetting part of the rest."""
    age = func.extract("epoch", func.clock_timestamp() - Usage.share_at)
    # What is forgotten two hundred times over is nothing; the database refuses to go on halving.
    halvings = func.least(200, func.greatest(0, age) / half_life_s)
    kept = Usage.share_s * func.power(0.5, halvings)
    statement = insert(Usage).values(
        account_id=account_id, share_s=weight, share_at=func.clock_timestamp()
    )
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=["account_id"],
            set_={"share_s": kept + weight, "share_at": func.clock_timestamp()},
        )
    )
