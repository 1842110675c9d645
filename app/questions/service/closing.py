"""Close, reopen, lock and pin questions; each of it stands in the question's history."""

from typing import Any

from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, Detail, InvalidError
from app.core.events import emit
from app.core.i18n import _
from app.core.security import Viewer
from app.questions import policy
from app.questions.events import QuestionChanged, QuestionClosed
from app.questions.schemas import CloseIn, CloseReason, Happening, QuestionView, Status
from app.questions.service.views import view
from app.questions.tables import Question, QuestionEvent
from app.reputation import service as reputation
from app.reputation.schemas import Ability

# A question may be a duplicate of one that is a duplicate itself: the reader is led to the last.
_MOST_STEPS = 10


async def close(db: AsyncSession, viewer: Viewer, question_id: int, why: CloseIn) -> QuestionView:
    """Let a question take no more answers.

    Raises:
        NotFoundError: there is no such question.
        ForbiddenError: the viewer neither asked nor earned it.
        ConflictError: it is closed already, or a bounty can be won here.
        InvalidError: a duplicate without the question it repeats, or of itself.
    """
    question = await policy.access_question(db, viewer, question_id, lock=True)
    user_id = await policy.require_closing(db, viewer, question)
    if question.status is Status.CLOSED:
        raise ConflictError(_("This question is closed already."), code="closed")
    policy.check_no_bounty(viewer, question)
    target = await _target(db, viewer, question, why)
    question.status, question.close_reason = Status.CLOSED, why.reason
    question.closed_at, question.closed_by_id = now(), user_id
    question.duplicate_of_id = target.id if target else None
    data: dict[str, Any] = {"reason": why.reason.value}
    if target:
        data["duplicate_of"] = target.id
    return await _changed(db, question, Happening.CLOSED, user_id, data)


async def _target(
    db: AsyncSession, viewer: Viewer, question: Question, why: CloseIn
) -> Question | None:
    if why.reason is not CloseReason.DUPLICATE:
        return None
    if why.duplicate_of is None:
        problem = _("A duplicate needs the number of the question that was asked before.")
        raise InvalidError(problem, code="no_target", details=[Detail("duplicate_of", problem)])
    target = await policy.access_question(db, viewer, why.duplicate_of)
    for _step in range(_MOST_STEPS):
        if target.id == question.id:
            problem = _("A question cannot be a duplicate of itself.")
            raise InvalidError(
                problem, code="own_target", details=[Detail("duplicate_of", problem)]
            )
        if target.duplicate_of_id is None:
            break
        target = await policy.access_question(db, viewer, target.duplicate_of_id)
    return target


async def reopen(db: AsyncSession, viewer: Viewer, question_id: int) -> QuestionView:
    """Let a question take answers again.

    Raises:
        NotFoundError: there is no such question.
        ForbiddenError: the viewer neither asked nor earned it.
        ConflictError: it is open, or a moderator closed what the asker wants open.
    """
    question = await policy.access_question(db, viewer, question_id, lock=True)
    user_id = await policy.require_closing(db, viewer, question)
    if question.status is Status.OPEN:
        raise ConflictError(_("This question is open."), code="open")
    if user_id != question.closed_by_id:
        await reputation.require(db, viewer, Ability.CLOSE)
    question.status, question.close_reason = Status.OPEN, None
    question.closed_at = question.closed_by_id = question.duplicate_of_id = None
    return await _changed(db, question, Happening.REOPENED, user_id, {})


async def set_locked(
    db: AsyncSession, viewer: Viewer, question_id: int, *, locked: bool
) -> QuestionView:
    """Let nobody but curators write here, or everybody again.

    Raises:
        NotFoundError: there is no such question.
        ForbiddenError: the viewer has not earned to curate.
    """
    user_id = await reputation.require(db, viewer, Ability.CURATE)
    question = await policy.access_question(db, viewer, question_id, lock=True)
    question.locked = locked
    kind = Happening.LOCKED if locked else Happening.UNLOCKED
    return await _changed(db, question, kind, user_id, {})


async def set_pinned(
    db: AsyncSession, viewer: Viewer, question_id: int, *, pinned: bool
) -> QuestionView:
    """Put a question above the list, or back into its place.

    Raises:
        NotFoundError: there is no such question.
        ForbiddenError: the viewer has not earned to curate.
    """
    user_id = await reputation.require(db, viewer, Ability.CURATE)
    question = await policy.access_question(db, viewer, question_id, lock=True)
    question.pinned = pinned
    kind = Happening.PINNED if pinned else Happening.UNPINNED
    return await _changed(db, question, kind, user_id, {})


async def _changed(  # which, how, by whom, what stands in its history
    db: AsyncSession, question: Question, kind: Happening, by_id: int, data: dict[str, Any]
) -> QuestionView:
    db.add(QuestionEvent(question_id=question.id, kind=kind, author_id=by_id, data=data))
    await db.flush()
    if kind in {Happening.CLOSED, Happening.REOPENED}:
        emit(db, QuestionClosed(question.id, by_id, kind is Happening.CLOSED))
    else:
        emit(db, QuestionChanged(question.id, by_id))
    return await view(db, question)
