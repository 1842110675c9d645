"""Who may take part in the discussions of a repository they may see."""

from app.accounts import service as accounts
from app.core.db import AsyncSession
from app.core.errors import ConflictError, ForbiddenError, NotFoundError
from app.core.i18n import _
from app.core.security import Viewer
from app.discussions import queries
from app.discussions.tables import Discussion
from app.hub import policy as hub
from app.hub.service import Repository


async def find(
    db: AsyncSession, repository: Repository, num: int, *, lock: bool = False
) -> Discussion:
    """Return a discussion of a repository that the caller was let into.

    Raises:
        NotFoundError: there is none with this number.
    """
    found = await queries.by_num(db, repository.id, num, lock=lock) if 0 < num < 2**31 else None
    if found is None:
        raise NotFoundError(_("There is no such discussion."), code="discussion_not_found")
    return found


async def may_moderate(db: AsyncSession, viewer: Viewer, repository: Repository) -> bool:
    """Whether `viewer` may merge, hide, pin and lock: who may write to the repository."""
    return viewer.is_signed_in and await hub.may_write(db, viewer, repository)


async def may_change(
    db: AsyncSession, viewer: Viewer, repository: Repository, discussion: Discussion
) -> bool:
    """Whether `viewer` may close, reopen and retitle: the author and who may write."""
    if viewer.is_signed_in and discussion.author_id == viewer.user_id and not discussion.locked:
        return True
    return await may_moderate(db, viewer, repository)


async def require_open_to(
    db: AsyncSession, viewer: Viewer, repository: Repository, discussion: Discussion
) -> int:
    """Return the viewer's id if they may write here.

    Raises:
        UnauthorizedError: nobody is signed in.
        ForbiddenError: the repository's owner has blocked the viewer.
        ConflictError: the discussion is locked and the viewer is no moderator of it.
    """
    user_id = viewer.require_user()
    await accounts.check_not_blocked(db, viewer, repository.owner_id)
    if discussion.locked and not await may_moderate(db, viewer, repository):
        raise ConflictError(
            _("This discussion is locked."),
            fix=_("Open another one, or ask an owner of the repository."),
            code="locked",
        )
    return user_id


async def require_opening(db: AsyncSession, viewer: Viewer, repository: Repository) -> int:
    """Return the viewer's id if they may open a discussion.

    Raises:
        UnauthorizedError: nobody is signed in.
        ForbiddenError: the repository's owner has blocked the viewer.
    """
    user_id = viewer.require_user()
    await accounts.check_not_blocked(db, viewer, repository.owner_id)
    return user_id


async def require_change(
    db: AsyncSession, viewer: Viewer, repository: Repository, discussion: Discussion
) -> int:
    """Return the viewer's id if they may close, reopen or retitle this discussion.

    Raises:
        UnauthorizedError: nobody is signed in.
        ForbiddenError: it is neither theirs nor in a repository of theirs.
    """
    user_id = viewer.require_user()
    if not await may_change(db, viewer, repository, discussion):
        raise ForbiddenError(
            _("Only its author and the writers of the repository may change this discussion."),
            fix=_("Write a comment and ask them."),
        )
    return user_id


async def require_moderation(db: AsyncSession, viewer: Viewer, repository: Repository) -> int:
    """Return the viewer's id if they may merge, hide, pin and lock.

    Raises:
        UnauthorizedError: nobody is signed in.
        ForbiddenError: the viewer may not write to the repository.
    """
    user_id = viewer.require_user()
    if not await may_moderate(db, viewer, repository):
        raise ForbiddenError(
            _("Only those who may write to the repository may do this."),
            fix=_("Write a comment and ask them."),
        )
    return user_id


async def require_proposal(db: AsyncSession, viewer: Viewer, repository: Repository) -> int:
    """Return the viewer's id if they may open a pull request.

    Raises:
        UnauthorizedError: nobody is signed in.
        ForbiddenError: the viewer may not open the files.
    """
    user_id = viewer.require_user()
    await hub.require_files(db, viewer, repository)
    if not await hub.may_propose(db, viewer, repository):
        raise hub.forbidden()
    return user_id
