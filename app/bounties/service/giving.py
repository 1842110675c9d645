"""Put something up for an answer, and give it to one."""

from app.accounts import service as accounts
from app.bounties import queries
from app.bounties.events import BountyBegun, BountyWon
from app.bounties.schemas import (
    GRACE,
    LASTS,
    LEAST,
    MOST,
    MOST_OPEN,
    QUESTION_AGE,
    BountyIn,
    BountyView,
    State,
)
from app.bounties.service.paying import pay, put_up
from app.bounties.service.views import views
from app.bounties.tables import Bounty
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, Detail, ForbiddenError, InvalidError, NotFoundError
from app.core.events import emit
from app.core.i18n import _, ngettext
from app.core.security import Viewer
from app.ledger.schemas import Unit, What
from app.questions import policy as question_policy
from app.questions import service as questions
from app.questions.schemas import Happening, Prize


async def offer(db: AsyncSession, viewer: Viewer, question_id: int, new: BountyIn) -> BountyView:
    """Put something up for an answer to a question, one's own or another's.

    Raises:
        NotFoundError: there is no such question.
        InvalidError: it is too little or too much.
        ConflictError: the question takes no answers, is too young or has a bounty; the viewer has
            three open already, or less than they would give.
        ForbiddenError: the viewer may only read for a while.
    """
    # The question's row first, as everything that changes a question does.
    question = await question_policy.access_question(db, viewer, question_id, lock=True)
    user_id = await question_policy.require_answering(db, viewer, question)
    await accounts.require_may_post(db, user_id)
    _check_amount(new)
    _check_question(question)
    # One person's bounties one after the other, or three at once could become six.
    await accounts.lock_person(db, user_id)
    if await queries.count_open_of(db, user_id) >= MOST_OPEN:
        raise ConflictError(
            ngettext(
                "You have %(n)d open bounty; more at once is too many.",
                "You have %(n)d open bounties; more at once is too many.",
                MOST_OPEN,
            )
            % {"n": MOST_OPEN},
            fix=_("Award one of them, or wait until it is over."),
            code="many_bounties",
        )
    made = Bounty(
        question_id=question.id,
        giver_id=user_id,
        unit=new.unit,
        amount=new.amount,
        ends_at=now() + LASTS,
    )
    db.add(made)
    await db.flush()
    await put_up(db, made, user_id, question.body_id)
    prize = Prize(made.amount, made.unit.value, made.ends_at, user_id)
    data: dict[str, object] = {"amount": made.amount, "unit": made.unit.value}
    await questions.set_prize(db, question, prize, Happening.BOUNTY_BEGUN, user_id, data)
    emit(db, BountyBegun(made.id, question.id, user_id))
    return (await views(db, [made]))[0]


def _check_amount(new: BountyIn) -> None:
    least, most = LEAST[new.unit], MOST[new.unit]
    if least <= new.amount <= most:
        return
    if new.unit is Unit.REPUTATION:
        problem = _("Put up %(least)d to %(most)d points.") % {"least": least, "most": most}
    else:
        words = {"least": least // 60, "most": most // 60}
        problem = _("Put up %(least)d to %(most)d GPU minutes.") % words
    raise InvalidError(problem, code="bad_amount", details=[Detail("amount", problem)])


def _check_question(question: questions.Question) -> None:
    if question.bounty_until is not None:
        raise ConflictError(
            _("This question has a bounty already; one at a time."),
            fix=_("Wait until it is over."),
            code="bounty",
        )
    if question.is_hidden:
        raise ConflictError(_("This question is hidden: nobody can answer it."), code="hidden")
    if question.created_at > now() - QUESTION_AGE:
        raise ConflictError(
            _("This question is younger than two days."),
            fix=_("Many are answered by then; come back if this one is not."),
            code="too_young",
        )


async def award(db: AsyncSession, viewer: Viewer, question_id: int, answer_id: int) -> BountyView:
    """Give a bounty of one's own, the whole of it, to an answer.

    Raises:
        NotFoundError: there is no such question, or no such answer that everybody can read.
        ForbiddenError: somebody else gives it, or the answer is the viewer's own.
        ConflictError: there is no bounty now, its time is over, or the author has left or may not
            sign in.
    """
    question = await question_policy.access_question(db, viewer, question_id, lock=True)
    user_id = viewer.require_user()
    bounty = _awardable(await queries.open_of(db, question.id), user_id)
    answer = await questions.answer_of(db, question, answer_id)
    if answer is None or answer.author_id is None:
        raise NotFoundError(_("There is no such answer that everybody can read."))
    if answer.author_id == user_id:
        raise ForbiddenError(_("Nobody awards a bounty to their own answer."), code="own_answer")
    await _check_winner(db, answer.author_id)
    await pay(db, bounty, What.AWARDED, answer.author_id, bounty.amount, answer_id)
    bounty.state, bounty.settled_at = State.AWARDED, now()
    bounty.answer_id, bounty.winner_id, bounty.paid = answer_id, answer.author_id, bounty.amount
    await db.flush()
    data: dict[str, object] = {"amount": bounty.amount, "unit": bounty.unit.value}
    data["comment_id"] = answer_id
    await questions.set_prize(db, question, None, Happening.BOUNTY_AWARDED, user_id, data)
    emit(db, BountyWon(bounty.id, question.id, answer_id, user_id))
    return (await views(db, [bounty]))[0]


def _awardable(bounty: Bounty | None, user_id: int) -> Bounty:
    if bounty is None:
        raise ConflictError(
            _("There is no bounty to award here."),
            fix=_("It was awarded already, or is over."),
            code="no_bounty",
        )
    if bounty.giver_id != user_id:
        raise ForbiddenError(_("Only who put the bounty up awards it."), code="not_giver")
    if bounty.ends_at + GRACE <= now():
        raise ConflictError(
            _("The time to award this bounty is over; the rule decides about it now."),
            code="over",
        )
    return bounty


async def _check_winner(db: AsyncSession, person_id: int) -> None:
    person = (await accounts.people_by_id(db, [person_id])).get(person_id)
    if person is None or person.is_suspended:
        raise ConflictError(
            _("The author of this answer has left, or may not sign in now."),
            fix=_("Award another answer."),
            code="winner_away",
        )
