"""Purses, held while something moves; and what has moved."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from app.core.db import AsyncSession
from app.ledger.schemas import Holder, Place, Unit
from app.ledger.tables import Line, Movement, Purse


@dataclass(frozen=True)
class Held:
    """A purse that nobody else changes now."""

    id: int
    balance: int


async def held_purses(db: AsyncSession, unit: Unit, places: Collection[Place]) -> dict[Place, Held]:
    """Return number and balance of these purses, made if need be, locked until the end.

    All are locked in one order, so that two movements never wait for each other.
    """
    keys = [(unit, place.holder, place.number) for place in places]
    for place in sorted(places, key=lambda one: (one.holder, one.number)):
        person = place.number if place.holder is Holder.PERSON else None
        made = insert(Purse).values(
            unit=unit, holder=place.holder, number=place.number, person_id=person
        )
        await db.execute(made.on_conflict_do_nothing())
    statement = (
        select(Purse.holder, Purse.number, Purse.id, Purse.balance)
        .where(tuple_(Purse.unit, Purse.holder, Purse.number).in_(keys))
        .order_by(Purse.holder, Purse.number)
        .with_for_update()
    )
    return {Place(row[0], row[1]): Held(row[2], row[3]) for row in await db.execute(statement)}


async def change_balance(db: AsyncSession, purse_id: int, amount: int) -> None:
    """Add to a purse."""
    statement = update(Purse).where(Purse.id == purse_id).values(balance=Purse.balance + amount)
    await db.execute(statement.execution_options(synchronize_session=False))


async def balances(
    db: AsyncSession, unit: Unit, holder: Holder, numbers: Collection[int]
) -> dict[int, int]:
    """Return what is in these purses; who has none is left out."""
    statement = select(Purse.number, Purse.balance).where(
        Purse.unit == unit, Purse.holder == holder, Purse.number.in_(numbers)
    )
    return {row[0]: row[1] for row in await db.execute(statement)}


async def movements(
    db: AsyncSession, before: int | None, limit: int, number: int | None = None
) -> Sequence[Movement]:
    """Return movements with smaller ids than `before`, the newest first; of one purpose or all."""
    statement = select(Movement).order_by(Movement.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(Movement.id < before)
    if number is not None:
        statement = statement.where(Movement.number == number)
    return (await db.scalars(statement)).all()


async def sides(db: AsyncSession, ids: Collection[int]) -> dict[int, dict[bool, tuple[Place, int]]]:
    """Return the two lines of these movements, by whether something came in."""
    statement = (
        select(Line.movement_id, Line.amount, Purse.holder, Purse.number)
        .join(Purse, Purse.id == Line.purse_id)
        .where(Line.movement_id.in_(ids))
    )
    found: dict[int, dict[bool, tuple[Place, int]]] = {}
    for movement_id, amount, holder, number in await db.execute(statement):
        found.setdefault(movement_id, {})[amount > 0] = (Place(holder, number), abs(amount))
    return found


async def total(db: AsyncSession) -> int:
    """Return the sum of all lines, which is nothing."""
    return await db.scalar(select(func.coalesce(func.sum(Line.amount), 0))) or 0
