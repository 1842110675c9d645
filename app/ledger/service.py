"""Move things between purses, and say what is in them."""

from collections.abc import Collection, Mapping

from app.core.db import AsyncSession
from app.core.errors import ConflictError
from app.core.i18n import _
from app.core.pagination import Page
from app.ledger import queries
from app.ledger.schemas import Holder, MovementView, Transfer, Unit
from app.ledger.tables import Line, Movement

PAGE = 50


async def move(db: AsyncSession, one: Transfer) -> None:
    """Move something from one purse to another, in this transaction.

    Raises:
        ValueError: nothing would move.
        ConflictError: the purse holds less, and is nobody's own.
    """
    if one.amount <= 0 or one.source == one.target:
        raise ValueError("a movement takes something from one purse to another")
    held = await queries.held_purses(db, one.unit, [one.source, one.target])
    if one.source.holder is not Holder.PERSON and held[one.source].balance < one.amount:
        raise ConflictError(_("This was paid out already."), code="paid_out")
    made = Movement(what=one.what, unit=one.unit, number=one.number)
    db.add(made)
    await db.flush()
    for place, change in ((one.source, -one.amount), (one.target, one.amount)):
        person = place.number if place.holder is Holder.PERSON else None
        purse_id = held[place].id
        db.add(Line(movement_id=made.id, purse_id=purse_id, amount=change, person_id=person))
        await queries.change_balance(db, purse_id, change)
    await db.flush()


async def in_escrow(db: AsyncSession, unit: Unit, number: int) -> int:
    """Return what is put up for a purpose."""
    return (await queries.balances(db, unit, Holder.ESCROW, [number])).get(number, 0)


async def gpu_seconds_balance(db: AsyncSession, person_ids: Collection[int]) -> Mapping[int, int]:
    """Return what these people won less what they put up, in GPU-seconds.

    It is added to what a person may use; below 0 for who gave more. Who never moved any is left
    out.
    """
    return await queries.balances(db, Unit.GPU_SECONDS, Holder.PERSON, person_ids)


async def movements(
    db: AsyncSession, before: int | None = None, limit: int = PAGE, number: int | None = None
) -> Page[MovementView]:
    """Return what moved, the newest first; for one purpose, or for all."""
    rows = await queries.movements(db, before, limit + 1, number)
    shown = rows[:limit]
    sides = await queries.sides(db, [row.id for row in shown]) if shown else {}
    items = [
        MovementView(
            id=row.id,
            what=row.what,
            unit=row.unit,
            number=row.number,
            amount=sides[row.id][True][1],
            source=sides[row.id][False][0],
            target=sides[row.id][True][0],
            created_at=row.created_at,
        )
        for row in shown
    ]
    return Page(items, str(shown[-1].id) if len(rows) > limit else None)
