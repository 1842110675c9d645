"""Comments at the end of a tutorial: a thread that is begun with the first one."""

from collections.abc import Collection

from app.accounts import service as accounts
from app.comments import service as comments
from app.comments.events import CommentReleased
from app.comments.schemas import CommentView
from app.core.db import AsyncSession
from app.core.errors import ForbiddenError, NotFoundError
from app.core.events import emit
from app.core.i18n import _
from app.core.pagination import Page
from app.core.security import Viewer
from app.tutorials import queries
from app.tutorials.events import TutorialCommented
from app.tutorials.policy import access_tutorial, may_moderate, missing, require_person
from app.tutorials.schemas import Place, TutorialPage
from app.tutorials.tables import Tutorial

SUBJECT = "tutorial"


async def thread_of(
    db: AsyncSession, page: TutorialPage, after: int = 0, viewer: Viewer | None = None
) -> Page[CommentView]:
    """Return comments of a tutorial after the one with id `after`, oldest first."""
    if page.thread_id is None:
        return Page([])
    return await comments.list_comments(db, page.thread_id, after, viewer=viewer)


async def add_comment(db: AsyncSession, viewer: Viewer, slug: str, words: str) -> int:
    """Write a comment at the end of a published tutorial; return its number.

    Raises:
        NotFoundError: there is no such tutorial.
        ForbiddenError: its author has blocked the viewer.
        InvalidError: the comment is empty or too long.
    """
    user_id = require_person(viewer)
    tutorial = await _published(db, viewer, slug)
    await accounts.check_not_blocked(db, viewer, tutorial.owner_id)
    if tutorial.thread_id is None:
        locked = await queries.find_tutorial(db, slug, lock=True)
        tutorial = locked or tutorial
    if tutorial.thread_id is None:
        tutorial.thread_id = await comments.open_thread(db, SUBJECT, tutorial.id)
    made = await comments.add_comment(db, tutorial.thread_id, user_id, words, is_reply=True)
    if not made.is_held:  # else it is news when the moderators let it stand
        emit(db, TutorialCommented(tutorial.id, made.id, user_id, tutorial.owner_id))
    return made.id


async def note_release(db: AsyncSession, event: CommentReleased) -> None:
    """Tell of a comment that was held when it was written, now that it stands."""
    if not event.is_news or event.author_id is None:
        return
    for row in await queries.tutorials_of_threads(db, [event.thread_id]):
        emit(db, TutorialCommented(row.id, event.comment_id, event.author_id, row.owner_id))


async def _published(db: AsyncSession, viewer: Viewer, slug: str) -> Tutorial:
    tutorial = await access_tutorial(db, viewer, slug)
    if not await queries.is_published(db, tutorial.id):
        raise missing()
    return tutorial


async def hide_comment(db: AsyncSession, viewer: Viewer, slug: str, comment_id: int) -> None:
    """Take away the words of a comment: one's own, or any on one's own tutorial.

    Raises:
        NotFoundError: there is no such comment.
        ForbiddenError: it is somebody else's, on somebody else's tutorial.
    """
    user_id = require_person(viewer)
    tutorial = await _published(db, viewer, slug)
    if tutorial.thread_id is None:
        raise NotFoundError(_("There is no such comment."))
    found = await comments.find_comment(db, tutorial.thread_id, comment_id)
    if found.author_id != user_id and not may_moderate(viewer, tutorial):
        raise ForbiddenError(_("This comment is somebody else's."))
    await comments.hide_comment(db, tutorial.thread_id, comment_id, user_id)


async def places(db: AsyncSession, thread_ids: Collection[int]) -> dict[int, Place]:
    """Return the tutorials under which these threads are, by thread."""
    rows = await queries.tutorials_of_threads(db, thread_ids)
    return {
        row.thread_id: Place(row.slug, f"/tutorials/{row.slug}#comment-")
        for row in rows
        if row.thread_id is not None
    }
