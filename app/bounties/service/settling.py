"""What becomes of a bounty that nobody awarded, by rule.

If its question is hidden it goes back to who gave it. Otherwise half of it goes to the answer with
the most votes, two or more, written since it began; the rest is forfeited. Without such an answer
it goes back if a moderator closed the question, and is forfeited else. What would go back to
somebody who has left is forfeited.
"""

from app.accounts import service as accounts
from app.bounties import queries
from app.bounties.events import BountyEnding, BountyOver, BountyWon
from app.bounties.schemas import GRACE, LEAST_VOTES, State
from app.bounties.service.paying import forfeit, pay
from app.bounties.tables import Bounty
from app.core.clock import now
from app.core.db import AsyncSession, Database
from app.core.events import emit
from app.ledger.schemas import What
from app.questions import service as questions
from app.questions.schemas import Happening, Status

_AT_ONCE = 100
_HAPPENINGS = {
    State.HALVED: Happening.BOUNTY_HALVED,
    State.FORFEITED: Happening.BOUNTY_OVER,
    State.GIVEN_BACK: Happening.BOUNTY_BACK,
}


async def settle_due(database: Database) -> int:
    """Remind those whose day to award has come, and settle what is over; return how many."""
    async with database.transaction() as db:
        for bounty_id, question_id in await queries.remind(db, _AT_ONCE):
            emit(db, BountyEnding(bounty_id, question_id))
        over = await queries.due(db, now() - GRACE, _AT_ONCE)
    settled = 0
    for _bounty_id, question_id in over:
        async with database.transaction() as db:
            settled += await _settle(db, question_id)
    return settled


async def _settle(db: AsyncSession, question_id: int) -> bool:
    question = await questions.lock_question(db, question_id)
    bounty = await queries.open_of(db, question_id)
    if question is None or bounty is None or bounty.ends_at + GRACE > now():
        return False  # another process was quicker
    bounty.settled_at = now()
    if question.is_hidden or not await _halve(db, question, bounty):
        await _end(db, question, bounty)
    await db.flush()
    data: dict[str, object] = {"amount": bounty.paid or bounty.amount, "unit": bounty.unit.value}
    if bounty.answer_id:
        data["comment_id"] = bounty.answer_id
    await questions.set_prize(db, question, None, _HAPPENINGS[bounty.state], None, data)
    return True


async def _halve(db: AsyncSession, question: questions.Question, bounty: Bounty) -> bool:
    """Give half to the best answer; False if there is none that may have it."""
    winner = await questions.best_since(db, question, bounty.begun_at, LEAST_VOTES, bounty.giver_id)
    if winner is None:
        return False
    half = bounty.amount // 2
    await pay(db, bounty, What.HALF, winner.author_id, half, winner.comment_id)
    await forfeit(db, bounty, bounty.amount - half)
    bounty.state, bounty.paid = State.HALVED, half
    bounty.answer_id, bounty.winner_id = winner.comment_id, winner.author_id
    emit(db, BountyWon(bounty.id, question.id, winner.comment_id, None))
    return True


async def _end(db: AsyncSession, question: questions.Question, bounty: Bounty) -> None:
    emit(db, BountyOver(bounty.id, question.id))
    is_stopped = question.is_hidden or question.status is Status.CLOSED
    if is_stopped and bounty.giver_id is not None and await _is_here(db, bounty.giver_id):
        await pay(db, bounty, What.GIVEN_BACK, bounty.giver_id, bounty.amount, question.body_id)
        bounty.state = State.GIVEN_BACK
    else:
        await forfeit(db, bounty, bounty.amount)
        bounty.state = State.FORFEITED


async def _is_here(db: AsyncSession, person_id: int) -> bool:
    return (await accounts.person(db, person_id)).user.erased_at is None
