"""Say which answer solves a question."""

from app.comments import service as comments
from app.core.db import AsyncSession
from app.core.errors import ConflictError
from app.core.events import emit
from app.core.i18n import _
from app.core.security import Viewer
from app.questions import policy
from app.questions.events import AnswerAccepted, QuestionChanged
from app.questions.queries import posts
from app.questions.schemas import Happening
from app.questions.tables import Post, Question, QuestionEvent
from app.reputation import service as reputation


async def accept(db: AsyncSession, viewer: Viewer, comment_id: int) -> None:
    """Mark an answer as the one that solves it; the one before loses the mark.

    Raises:
        NotFoundError: there is no such answer.
        ForbiddenError: somebody else asked.
        ConflictError: it is the question itself, or was hidden.
    """
    question, post = await policy.access_post(db, viewer, comment_id, lock=True)
    user_id = policy.require_choice(viewer, question)
    if question.accepted_id == comment_id:
        return
    words = (await comments.comments_by_id(db, [comment_id]))[comment_id]
    if post.is_question or words.is_hidden:
        raise ConflictError(_("Only an answer that can be read can be accepted."))
    await _take_back(db, question)
    question.accepted_id, post.is_accepted = comment_id, True
    if words.author_id != question.author_id:
        await reputation.count_accepted(db, words, accepted=True)
    _record(db, question, Happening.ACCEPTED, user_id, comment_id)
    await db.flush()
    emit(db, AnswerAccepted(question.id, comment_id, user_id))


async def unaccept(db: AsyncSession, viewer: Viewer, question_id: int) -> None:
    """Take the mark from the accepted answer; nothing happens without one.

    Raises:
        NotFoundError: there is no such question.
        ForbiddenError: somebody else asked.
    """
    question = await policy.access_question(db, viewer, question_id, lock=True)
    user_id = policy.require_choice(viewer, question)
    if earlier := question.accepted_id:
        await _take_back(db, question)
        _record(db, question, Happening.UNACCEPTED, user_id, earlier)
        await db.flush()
        emit(db, QuestionChanged(question.id, user_id))


async def lose_mark(db: AsyncSession, question: Question, post: Post) -> None:
    """Take the mark from an answer that is about to be hidden."""
    if question.accepted_id == post.comment_id:
        await _take_back(db, question)


async def _take_back(db: AsyncSession, question: Question) -> None:
    if question.accepted_id is None:
        return
    earlier = question.accepted_id
    question.accepted_id = None
    if (post := await posts.post(db, earlier)) is not None:
        post.is_accepted = False
        if post.author_id != question.author_id:
            words = (await comments.comments_by_id(db, [earlier]))[earlier]
            await reputation.count_accepted(db, words, accepted=False)
    await db.flush()


def _record(
    db: AsyncSession, question: Question, kind: Happening, by_id: int, comment_id: int
) -> None:
    data = {"comment_id": comment_id}
    db.add(QuestionEvent(question_id=question.id, kind=kind, author_id=by_id, data=data))
