"""Link a question with the same one in the other language, and tell each what the other has."""

from app.comments import service as comments
from app.core.db import AsyncSession
from app.core.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from app.core.events import emit
from app.core.i18n import _
from app.core.security import Viewer
from app.questions import policy
from app.questions.events import QuestionChanged
from app.questions.queries import posts, twins
from app.questions.queries.lists import by_ids
from app.questions.schemas import Happening, QuestionView, TwinView
from app.questions.tables import Question, QuestionEvent, Twin

_CHINESE = "zh-CN"


async def link(db: AsyncSession, viewer: Viewer, question_id: int, other_id: int) -> None:
    """Say that two questions are one in two languages.

    Raises:
        NotFoundError: one of them is not there for the viewer.
        ForbiddenError: the viewer may not edit both.
        InvalidError: both are in one language.
        ConflictError: one of them has a twin already.
    """
    # In the order of their numbers: two who link at once never wait for each other.
    found = {
        number: await policy.access_question(db, viewer, number, lock=True)
        for number in sorted({question_id, other_id})
    }
    for question in found.values():
        await _require_editing(db, viewer, question)
    one, other = found[question_id], found[other_id]
    if one.language == other.language:
        raise InvalidError(
            _("Both questions are in the same language."),
            fix=_("Link a question in Chinese with one in English."),
            code="same_language",
        )
    if await twins.twin_among(db, list(found)) is not None:
        raise ConflictError(
            _("One of these questions is linked with a translation already."),
            fix=_("Take that link away first."),
            code="has_twin",
        )
    chinese, english = (one, other) if one.language == _CHINESE else (other, one)
    user_id = viewer.require_user()
    db.add(Twin(en_id=english.id, zh_id=chinese.id, linked_by_id=user_id))
    await _record(db, Happening.TWINNED, user_id, one, other)


async def unlink(db: AsyncSession, viewer: Viewer, question_id: int) -> None:
    """Take the link between a question and its translation away.

    Raises:
        NotFoundError: there is no such question, or it has no twin.
        ForbiddenError: the viewer may edit neither.
    """
    question = await policy.access_question(db, viewer, question_id)
    pair = await twins.twin_among(db, [question.id])
    if pair is None:
        raise NotFoundError(_("This question is not linked with a translation."), code="no_twin")
    both = await by_ids(db, [pair.en_id, pair.zh_id])
    one, other = both[question.id], both[_other(pair, question.id)]
    if not await _may_edit(db, viewer, other):
        await _require_editing(db, viewer, one)
    await twins.unlink(db, pair)
    await _record(db, Happening.UNTWINNED, viewer.require_user(), one, other)


async def twin_of(db: AsyncSession, viewer: Viewer, question: QuestionView) -> TwinView | None:
    """Return what a question's page tells of its twin; None without one that can be read."""
    other = question.twin
    if other is None:
        return None
    wanted = [question.body_id, other.body_id, *([other.accepted_id] if other.accepted_id else [])]
    words = await comments.comments_by_id(db, wanted, viewer)
    own, theirs = words[question.body_id], words[other.body_id]
    accepted = words.get(other.accepted_id or 0)
    if accepted is not None and accepted.is_hidden:
        accepted = None
    post = await posts.post(db, accepted.id) if accepted else None
    since = max(own.edited_at or own.created_at, other.linked_at)
    edited = theirs.edited_at
    return TwinView(
        row=other.row,
        body_id=other.body_id,
        accepted=accepted,
        accepted_score=post.score if post else 0,
        edited_at=edited if edited is not None and edited > since else None,
    )


def _other(pair: Twin, question_id: int) -> int:
    return pair.zh_id if pair.en_id == question_id else pair.en_id


async def _may_edit(db: AsyncSession, viewer: Viewer, question: Question) -> bool:
    words = await comments.comments_by_id(db, [question.body_id])
    return await policy.may_edit(db, viewer, words[question.body_id])


async def _require_editing(db: AsyncSession, viewer: Viewer, question: Question) -> None:
    viewer.require_user()
    if not await _may_edit(db, viewer, question):
        raise ForbiddenError(
            _("Only who may edit both questions links them as translations."),
            fix=_("Ask in a remark that somebody who may does it."),
            code="not_editor",
        )


async def _record(
    db: AsyncSession, kind: Happening, by_id: int, one: Question, other: Question
) -> None:
    for question, twin in ((one, other), (other, one)):
        data = {"twin": twin.id}
        db.add(QuestionEvent(question_id=question.id, kind=kind, author_id=by_id, data=data))
        emit(db, QuestionChanged(question.id, by_id))
    await db.flush()
