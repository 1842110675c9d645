"""New words for what was written: by its author, by who earned it, or as a suggestion."""

from collections.abc import Sequence

from app.accounts import service as accounts
from app.comments import service as comments
from app.comments.schemas import CommentView
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, ForbiddenError, NotFoundError
from app.core.events import emit
from app.core.i18n import _
from app.core.runtime import Flag
from app.core.security import Viewer
from app.questions import policy
from app.questions.events import EditSuggested, PostEdited
from app.questions.queries import posts
from app.questions.queries import tags as tag_queries
from app.questions.schemas import EditState, Happening, QuestionChange, SuggestionView
from app.questions.service.drafts import forget
from app.questions.service.evidence import weigh
from app.questions.service.tagging import file_under, keep_in_step, resolve
from app.questions.service.words import check_title, check_words
from app.questions.tables import Question, QuestionEvent, SuggestedEdit
from app.reputation import service as reputation
from app.reputation.schemas import Ability

_MANY = 50


async def change_question(
    db: AsyncSession, viewer: Viewer, question_id: int, change: QuestionChange
) -> SuggestionView | None:
    """Give a question new words; return the suggestion if it has to wait for somebody's yes.

    Raises:
        NotFoundError: there is no such question.
        ConflictError: it is locked, or an edit of the viewer's waits already.
        InvalidError: title, words or tags will not do.
    """
    question = await policy.access_question(db, viewer, question_id, lock=True)
    await policy.require_writing(db, viewer, question)
    change = change.model_copy(
        update={"title": check_title(change.title), "body": check_words(change.body)}
    )
    words = await _words(db, question.body_id)
    if not await policy.may_edit(db, viewer, words):
        return await _suggest(db, viewer, question, words, change)
    await _apply(db, viewer, question, change, viewer.require_user())
    await forget(db, viewer, f"edit:{question.body_id}")
    return None


async def change_post(
    db: AsyncSession, viewer: Viewer, comment_id: int, body: str, reason: str = ""
) -> SuggestionView | None:
    """Give an answer new words; return the suggestion if it has to wait for somebody's yes.

    Raises:
        NotFoundError: there is no such answer.
        ConflictError: the question is locked, or an edit of the viewer's waits already.
        InvalidError: it would be empty or too long.
    """
    question, post = await policy.access_post(db, viewer, comment_id, lock=True)
    user_id = await policy.require_writing(db, viewer, question)
    text = check_words(body)
    words = await _words(db, post.comment_id)
    if not await policy.may_edit(db, viewer, words):
        change = QuestionChange(title=question.title, body=text, reason=reason)
        return await _suggest(db, viewer, question, words, change)
    await _reword(db, viewer, question, comment_id, user_id, text)
    await forget(db, viewer, f"edit:{comment_id}")
    return None


async def _words(db: AsyncSession, comment_id: int) -> CommentView:
    return (await comments.comments_by_id(db, [comment_id]))[comment_id]


async def _apply(  # to what, what, by whom, approved by whom
    db: AsyncSession,
    viewer: Viewer,
    question: Question,
    change: QuestionChange,
    editor_id: int,
) -> None:
    if change.title != question.title:
        _record(db, question, Happening.RETITLED, editor_id, question.title, change.title)
        question.title, question.active_at = change.title, now()
    earlier = [name for _q, _t, name in await tag_queries.tags_of(db, [question.id])]
    if change.tags:
        tags = await resolve(db, viewer, change.tags)
        if (names := [tag.name for tag in tags]) != earlier:
            await file_under(db, question, tags)
            _record(db, question, Happening.RETAGGED, editor_id, earlier, names)
            question.active_at = now()
    await _reword(db, viewer, question, question.body_id, editor_id, change.body)


async def _reword(  # by whom approved, of which, whose words
    db: AsyncSession,
    viewer: Viewer,
    question: Question,
    comment_id: int,
    editor_id: int,
    body: str,
) -> None:
    approver_id = viewer.require_user()
    words = await comments.edit_comment(
        db, question.thread_id, comment_id, editor_id, body, approver_id
    )
    question.active_at = max(question.active_at, words.edited_at or question.active_at)
    await db.flush()
    await keep_in_step(db, question)
    if comment_id != question.body_id:
        await weigh(db, [comment_id])
    emit(db, PostEdited(question.id, comment_id, editor_id))


def _record(  # of which, what, by whom, from what to what
    db: AsyncSession,
    question: Question,
    kind: Happening,
    by_id: int,
    before: object,
    after: object,
) -> None:
    data = {"from": before, "to": after}
    db.add(QuestionEvent(question_id=question.id, kind=kind, author_id=by_id, data=data))


async def _suggest(
    db: AsyncSession,
    viewer: Viewer,
    question: Question,
    words: CommentView,
    change: QuestionChange,
) -> SuggestionView:
    author_id = viewer.require_user()
    await accounts.require_switch(db, Flag.POSTING, author_id)
    await accounts.require_may_post(db, author_id)
    if await posts.has_waiting_suggestion(db, words.id, author_id):
        raise ConflictError(
            _("An edit of yours already waits for a decision here."), code="suggestion_waits"
        )
    row = SuggestedEdit(
        comment_id=words.id,
        question_id=question.id,
        author_id=author_id,
        title=change.title,
        body=change.body,
        tags=change.tags,
        reason=change.reason,
        base_edits=words.num_edits,
    )
    db.add(row)
    await db.flush()
    await forget(db, viewer, f"edit:{words.id}")
    emit(db, EditSuggested(question.id, words.id, row.id, author_id))
    return (await _suggestions(db, [row]))[0]


async def decide_suggestion(  # whose, which, how, why
    db: AsyncSession, viewer: Viewer, suggestion_id: int, *, approve: bool, reason: str = ""
) -> SuggestionView:
    """Publish a suggested edit under its writer's name, or turn it down with a reason.

    Raises:
        NotFoundError: there is no such suggestion.
        ForbiddenError: the viewer neither wrote the post nor earned to edit.
        ConflictError: it is decided already, or the post changed since it was suggested.
    """
    row = await posts.suggestion(db, suggestion_id)
    if row is None:
        raise NotFoundError(_("There is no such suggestion."))
    question = await policy.access_question(db, viewer, row.question_id, lock=True)
    words = await _words(db, row.comment_id)
    if not await policy.may_edit(db, viewer, words) or row.author_id == viewer.user_id:
        raise ForbiddenError(_("The author and those who earned to edit decide about suggestions."))
    await db.refresh(row)
    if row.state is not EditState.WAITING:
        raise ConflictError(_("Somebody has decided about this already."), code="decided")
    if approve and words.num_edits != row.base_edits:
        raise ConflictError(
            _("The post was changed after this was suggested."),
            fix=_("Turn it down with a word about that, or take over by hand what is good in it."),
            code="stale",
        )
    row.state = EditState.APPROVED if approve else EditState.REJECTED
    row.decided_by_id, row.decision = viewer.require_user(), reason[:500]
    if approve:
        await _publish(db, viewer, question, row)
    if row.author_id is not None:
        await reputation.count_edit(db, row.author_id, row.comment_id, approved=approve)
    await db.flush()
    return (await _suggestions(db, [row]))[0]


async def _publish(
    db: AsyncSession, viewer: Viewer, question: Question, row: SuggestedEdit
) -> None:
    editor_id = row.author_id or viewer.require_user()
    if row.comment_id == question.body_id:
        change = QuestionChange(title=row.title, body=row.body, tags=row.tags)
        await _apply(db, viewer, question, change, editor_id)
    else:
        await _reword(db, viewer, question, row.comment_id, editor_id, row.body)


async def suggestions_of(
    db: AsyncSession, viewer: Viewer, question_id: int
) -> list[SuggestionView]:
    """Return the edits of a question's posts that wait: what the viewer may decide or wrote."""
    if not viewer.is_signed_in:
        return []
    found = await posts.waiting_suggestions(db, 0, _MANY, question_id)
    if found and Ability.EDIT not in await reputation.abilities_of(db, viewer):
        authors = await comments.comments_by_id(db, [row.comment_id for row in found])
        found = [
            row
            for row in found
            if viewer.user_id in (row.author_id, authors[row.comment_id].author_id)
        ]
    return await _suggestions(db, found)


async def waiting_suggestions(
    db: AsyncSession, viewer: Viewer, after: int = 0
) -> list[SuggestionView]:
    """Return the edits that wait, the oldest first.

    Raises:
        ForbiddenError: the viewer has not earned to edit.
    """
    await reputation.require(db, viewer, Ability.EDIT)
    return await _suggestions(db, await posts.waiting_suggestions(db, after, _MANY))


async def _suggestions(db: AsyncSession, rows: Sequence[SuggestedEdit]) -> list[SuggestionView]:
    names = await accounts.names_of(db, (row.author_id for row in rows))
    return [
        SuggestionView(
            id=row.id,
            comment_id=row.comment_id,
            question_id=row.question_id,
            author=names.get(row.author_id or 0, ""),
            author_id=row.author_id,
            title=row.title,
            body=row.body,
            tags=tuple(row.tags),
            reason=row.reason,
            state=row.state,
            created_at=row.created_at,
        )
        for row in rows
    ]


async def roll_back(db: AsyncSession, viewer: Viewer, comment_id: int, number: int) -> CommentView:
    """Make an earlier wording the newest again; the wordings in between stay in the history.

    Raises:
        NotFoundError: there is no such post or wording.
        ForbiddenError: the viewer neither wrote it nor earned to edit.
    """
    question, _post = await policy.access_post(db, viewer, comment_id, lock=True)
    user_id = await policy.require_writing(db, viewer, question)
    words = await _words(db, comment_id)
    if not await policy.may_edit(db, viewer, words):
        await reputation.require(db, viewer, Ability.EDIT)
    found = {one.number: one for one in await comments.revisions(db, words)}
    if number not in found:
        raise NotFoundError(_("There is no such wording."))
    await _reword(db, viewer, question, comment_id, user_id, found[number].body)
    db.add(
        QuestionEvent(
            question_id=question.id,
            kind=Happening.ROLLED_BACK,
            author_id=user_id,
            data={"comment_id": comment_id, "to": number},
        )
    )
    return await _words(db, comment_id)


async def hide_post(db: AsyncSession, viewer: Viewer, comment_id: int) -> None:
    """Take away the words of an answer, or a whole question, for good.

    Raises:
        NotFoundError: there is no such post.
        ForbiddenError: somebody else wrote it.
        ConflictError: others have answered the question already, or a bounty can be won here.
    """
    question, post = await policy.access_post(db, viewer, comment_id, lock=True)
    user_id = viewer.require_user()
    if post.author_id != user_id:
        await reputation.require(db, viewer, Ability.CURATE)
    if post.is_question and question.num_answers and not (viewer.is_admin or viewer.is_moderator):
        raise ConflictError(
            _("Others have answered this question; their answers would vanish with it."),
            fix=_("Close it instead."),
            code="has_answers",
        )
    if post.is_question:
        policy.check_no_bounty(viewer, question)
    await comments.hide_comment(db, question.thread_id, comment_id, user_id)
    emit(db, PostEdited(question.id, comment_id, user_id))


async def hide_remark(db: AsyncSession, viewer: Viewer, post_id: int, remark_id: int) -> None:
    """Take away the words of a remark, for good: its author and curators.

    Raises:
        NotFoundError: there is no such remark.
        ForbiddenError: somebody else wrote it.
    """
    question, post = await policy.access_post(db, viewer, post_id)
    found = await comments.find_comment(db, post.remarks_id or 0, remark_id)
    user_id = viewer.require_user()
    if found.author_id != user_id:
        await reputation.require(db, viewer, Ability.CURATE)
    await comments.hide_comment(db, post.remarks_id or 0, remark_id, user_id)
    emit(db, PostEdited(question.id, remark_id, user_id))
