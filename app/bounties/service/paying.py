"""Every movement of a bounty: in the ledger, and where the unit itself is counted."""

from app.bounties.tables import Bounty
from app.core.db import AsyncSession
from app.core.errors import ConflictError
from app.core.i18n import _
from app.ledger import service as ledger
from app.ledger.schemas import FORFEITED, Place, Transfer, Unit, What, escrow, of_person
from app.questions import service as questions
from app.reputation import service as reputation
from app.reputation.schemas import Reason


async def put_up(db: AsyncSession, bounty: Bounty, giver_id: int, body_id: int) -> None:
    """Take it from who gives it and hold it.

    Raises:
        ConflictError: they have less.
    """
    if bounty.unit is not Unit.REPUTATION:
        raise ConflictError(
            _("GPU minutes cannot be put up here: this site counts none."),
            fix=_("Put up points."),
            code="unit_off",
        )
    await reputation.put_up(db, giver_id, body_id, bounty.amount)
    giver, held = of_person(giver_id), escrow(bounty.id)
    await _move(db, bounty, What.PUT_UP, bounty.amount, (giver, held))


async def pay(  # what, why, to whom, how much, for which post
    db: AsyncSession, bounty: Bounty, what: What, person_id: int, amount: int, comment_id: int
) -> None:
    """Give a part of what is held to a person.

    Raises:
        ConflictError: it was paid out already.
    """
    held = escrow(bounty.id)
    await _move(db, bounty, what, amount, (held, of_person(person_id)))
    is_back = what is What.GIVEN_BACK
    if bounty.unit is Unit.REPUTATION:
        reason = Reason.BOUNTY_BACK if is_back else Reason.BOUNTY_WON
        await reputation.move(db, person_id, reason, comment_id, amount)
        won = {"points": amount}
    else:
        won = {"seconds": amount}
    if not is_back:
        await questions.credit(db, comment_id, **won)


async def forfeit(db: AsyncSession, bounty: Bounty, amount: int) -> None:
    """Give a part of what is held to nobody.

    Raises:
        ConflictError: it was paid out already.
    """
    held = escrow(bounty.id)
    await _move(db, bounty, What.FORFEITED, amount, (held, FORFEITED))


async def _move(
    db: AsyncSession, bounty: Bounty, what: What, amount: int, sides: tuple[Place, Place]
) -> None:
    source, target = sides
    await ledger.move(db, Transfer(what, bounty.unit, amount, source, target, bounty.id))
