"""Comments, titles, pins and locks."""

from app.comments import service as comments
from app.comments.schemas import CommentView
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ForbiddenError
from app.core.events import emit
from app.core.i18n import _
from app.core.security import Viewer
from app.discussions import policy
from app.discussions.events import CommentChanged, Commented, DiscussionChanged
from app.discussions.schemas import DiscussionView, EventKind, EventView
from app.discussions.service.opening import check_title
from app.discussions.service.records import record, view
from app.hub.service import Repository


async def comment(
    db: AsyncSession, viewer: Viewer, repository: Repository, num: int, body: str
) -> CommentView:
    """Write a comment.

    Raises:
        NotFoundError: there is no such discussion.
        ConflictError: it is locked.
        InvalidError: the comment is empty or too long.
    """
    row = await policy.find(db, repository, num)
    user_id = await policy.require_open_to(db, viewer, repository, row)
    made = await comments.add_comment(db, row.thread_id, user_id, body)
    row.updated_at = now()
    if not made.is_held:  # else it is news when the moderators let it stand
        emit(db, Commented(repository.id, num, made.id, user_id))
    return made


async def edit_comment(  # where, which, what
    db: AsyncSession,
    viewer: Viewer,
    repository: Repository,
    num: int,
    comment_id: int,
    body: str,
) -> CommentView:
    """Change the words of one's own comment.

    Raises:
        NotFoundError: there is no such comment.
        ForbiddenError: somebody else wrote it.
        ConflictError: the discussion is locked, or the comment was hidden.
    """
    row = await policy.find(db, repository, num)
    user_id = await policy.require_open_to(db, viewer, repository, row)
    found = await comments.find_comment(db, row.thread_id, comment_id)
    if found.author_id != user_id:
        raise ForbiddenError(_("Only its author may edit a comment."))
    made = await comments.edit_comment(db, row.thread_id, comment_id, user_id, body)
    row.updated_at = now()
    emit(db, CommentChanged(repository.id, num, comment_id, user_id))
    return made


async def hide_comment(
    db: AsyncSession, viewer: Viewer, repository: Repository, num: int, comment_id: int
) -> CommentView:
    """Take away the words of a comment, for good: its author and who may write to the repository.

    Raises:
        NotFoundError: there is no such comment.
        ForbiddenError: the viewer is neither.
    """
    row = await policy.find(db, repository, num)
    user_id = viewer.require_user()
    found = await comments.find_comment(db, row.thread_id, comment_id)
    if found.author_id != user_id:
        await policy.require_moderation(db, viewer, repository)
    made = await comments.hide_comment(db, row.thread_id, comment_id, user_id)
    row.updated_at = now()
    emit(db, CommentChanged(repository.id, num, comment_id, user_id))
    return made


async def retitle(
    db: AsyncSession, viewer: Viewer, repository: Repository, num: int, title: str
) -> EventView:
    """Change the title.

    Raises:
        NotFoundError: there is no such discussion.
        ForbiddenError: it is neither the viewer's nor in a repository of theirs.
        InvalidError: nobody may call a discussion so.
    """
    row = await policy.find(db, repository, num, lock=True)
    user_id = await policy.require_change(db, viewer, repository, row)
    earlier, row.title = row.title, check_title(title)
    made = await record(db, row, EventKind.TITLE, user_id, **{"from": earlier, "to": row.title})
    emit(db, DiscussionChanged(repository.id, num, user_id))
    return made


async def set_pinned(
    db: AsyncSession, viewer: Viewer, repository: Repository, num: int, *, pinned: bool
) -> DiscussionView:
    """Put a discussion on top of the list, or back into its place.

    Raises:
        NotFoundError: there is no such discussion.
        ForbiddenError: the viewer may not write to the repository.
    """
    return await _set(db, viewer, repository, num, EventKind.PINNED, value=pinned)


async def set_locked(
    db: AsyncSession, viewer: Viewer, repository: Repository, num: int, *, locked: bool
) -> DiscussionView:
    """Let nobody but the repository's writers speak, or everybody again.

    Raises:
        NotFoundError: there is no such discussion.
        ForbiddenError: the viewer may not write to the repository.
    """
    return await _set(db, viewer, repository, num, EventKind.LOCKED, value=locked)


_FIELDS = {EventKind.PINNED: "pinned", EventKind.LOCKED: "locked"}


async def _set(  # whose, where, which, what
    db: AsyncSession,
    viewer: Viewer,
    repository: Repository,
    num: int,
    what: EventKind,
    *,
    value: bool,
) -> DiscussionView:
    user_id = await policy.require_moderation(db, viewer, repository)
    row = await policy.find(db, repository, num, lock=True)
    name = _FIELDS[what]
    if getattr(row, name) != value:
        setattr(row, name, value)
        await record(db, row, what, user_id, **{name: "1" if value else ""})
        emit(db, DiscussionChanged(repository.id, num, user_id))
    return await view(db, row)
