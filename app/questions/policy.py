"""Who may see a question and what they may do with it."""

from app.comments.schemas import CommentView
from app.core.db import AsyncSession
from app.core.errors import ConflictError, ForbiddenError, NotFoundError
from app.core.i18n import _
from app.core.security import Viewer
from app.questions.queries import posts
from app.questions.schemas import Place
from app.questions.tables import Post, Question
from app.reputation import service as reputation
from app.reputation.schemas import Ability


def missing() -> NotFoundError:
    """Return the answer for what is not there and for what the viewer may not know of."""
    return NotFoundError(
        _("There is no such question."),
        fix=_("Look through the list, or search for it."),
        code="question_not_found",
    )


def may_see_hidden(viewer: Viewer, author_id: int | None) -> bool:
    """Whether the viewer still sees something that was hidden: its author and moderators."""
    return viewer.is_signed_in and (
        viewer.is_admin or viewer.is_moderator or viewer.user_id == author_id
    )


def may_see_place(viewer: Viewer, place: Place) -> bool:
    """Whether the viewer may know what stands in a question or under it."""
    return not place.is_hidden or may_see_hidden(viewer, place.author_id)


async def access_question(
    db: AsyncSession, viewer: Viewer, question_id: int, *, lock: bool = False
) -> Question:
    """Return a question the viewer may see.

    Raises:
        NotFoundError: there is none, or it was hidden.
    """
    row = await posts.question(db, question_id, lock=lock) if 0 < question_id < 2**63 else None
    if row is None or (row.is_hidden and not may_see_hidden(viewer, row.author_id)):
        raise missing()
    return row


async def access_post(
    db: AsyncSession, viewer: Viewer, comment_id: int, *, lock: bool = False
) -> tuple[Question, Post]:
    """Return a question's words or an answer, with the question.

    Raises:
        NotFoundError: there is none the viewer may see.
    """
    post = await posts.post(db, comment_id) if 0 < comment_id < 2**63 else None
    if post is None:
        raise missing()
    question = await access_question(db, viewer, post.question_id, lock=lock)
    return question, post


async def require_writing(db: AsyncSession, viewer: Viewer, question: Question) -> int:
    """Return the viewer's id if they may write under this question.

    Raises:
        UnauthorizedError: nobody is signed in.
        ConflictError: it is locked, and the viewer may not lock it.
    """
    user_id = viewer.require_user()
    if question.locked and Ability.CURATE not in await reputation.abilities_of(db, viewer):
        raise ConflictError(_("This question is locked."), fix=_("Ask another one."), code="locked")
    return user_id


async def require_answering(db: AsyncSession, viewer: Viewer, question: Question) -> int:
    """Return the viewer's id if they may answer.

    Raises:
        UnauthorizedError: nobody is signed in.
        ConflictError: the question is closed or locked.
    """
    user_id = await require_writing(db, viewer, question)
    if question.closed_at is not None:
        raise ConflictError(
            _("This question is closed: it takes no more answers."),
            fix=_("Remark on it what should change, so that it can be opened again."),
            code="closed",
        )
    return user_id


def check_no_bounty(viewer: Viewer, question: Question) -> None:
    """Let nobody but moderators take the chance to win a bounty away.

    Raises:
        ConflictError: a bounty can be won here.
    """
    if question.bounty_until is not None and not (viewer.is_admin or viewer.is_moderator):
        raise ConflictError(
            _("A bounty can still be won with an answer to this question."),
            fix=_("Wait until it has been awarded or is over; moderators can act at once."),
            code="bounty",
        )


async def may_edit(db: AsyncSession, viewer: Viewer, words: CommentView) -> bool:
    """Whether the viewer's edit of a post counts at once instead of waiting for a yes."""
    if not viewer.is_signed_in:
        return False
    if words.author_id == viewer.user_id:
        return True
    return Ability.EDIT in await reputation.abilities_of(db, viewer)


async def may_close(db: AsyncSession, viewer: Viewer, question: Question) -> bool:
    """Whether the viewer may close and reopen: the asker, and who earned it."""
    if viewer.is_signed_in and question.author_id == viewer.user_id and not question.locked:
        return True
    return Ability.CLOSE in await reputation.abilities_of(db, viewer)


async def require_closing(db: AsyncSession, viewer: Viewer, question: Question) -> int:
    """Return the viewer's id if they may close and reopen.

    Raises:
        UnauthorizedError: nobody is signed in.
        ForbiddenError: they neither asked nor earned it.
    """
    user_id = viewer.require_user()
    if not await may_close(db, viewer, question):
        await reputation.require(db, viewer, Ability.CLOSE)
    return user_id


def require_choice(viewer: Viewer, question: Question) -> int:
    """Return the viewer's id if they may say which answer solves it: the asker, a moderator.

    Raises:
        UnauthorizedError: nobody is signed in.
        ForbiddenError: somebody else asked.
    """
    user_id = viewer.require_user()
    if question.author_id != user_id and not (viewer.is_admin or viewer.is_moderator):
        raise ForbiddenError(_("Only who asked says which answer solves it."), code="not_asker")
    return user_id
