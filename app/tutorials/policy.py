"""Who may read, write and tidy up a tutorial."""

from app.core.db import AsyncSession
from app.core.errors import ForbiddenError, NotFoundError
from app.core.i18n import _
from app.core.security import Viewer
from app.tutorials import queries
from app.tutorials.tables import Tutorial


async def access_tutorial(db: AsyncSession, viewer: Viewer, slug: str) -> Tutorial:
    """Return a published tutorial, or one that the viewer is writing.

    Raises:
        NotFoundError: there is none, or it is somebody's draft; the answer never tells which.
    """
    found = await queries.find_tutorial(db, slug)
    if found is None or not await _may_read(db, viewer, found):
        raise missing()
    return found


async def _may_read(db: AsyncSession, viewer: Viewer, tutorial: Tutorial) -> bool:
    if may_write(viewer, tutorial):
        return True
    return may_read_held(viewer, tutorial) and await queries.is_published(db, tutorial.id)


def may_read_held(viewer: Viewer | None, tutorial: Tutorial) -> bool:
    """Whether the moderators keep back nothing of it from this viewer; None is nobody."""
    if tutorial.held_at is None:
        return True
    return viewer is not None and (viewer.is_moderator or may_write(viewer, tutorial))


async def access_writing(db: AsyncSession, viewer: Viewer, slug: str) -> Tutorial:
    """Return a tutorial that the viewer may write.

    Raises:
        UnauthorizedError: nobody is signed in.
        NotFoundError: there is none, or it is somebody's draft.
        ForbiddenError: it is somebody else's, or came with the site.
    """
    require_person(viewer)
    found = await access_tutorial(db, viewer, slug)
    if not may_write(viewer, found):
        raise ForbiddenError(
            _("This tutorial is somebody else's."), fix=_("Say in a comment what to change.")
        )
    return found


def may_write(viewer: Viewer, tutorial: Tutorial) -> bool:
    """Whether a tutorial is the viewer's own, or they look after the site."""
    if tutorial.owner_id is None:
        # What came with the site is written anew by the next release.
        return False
    return viewer.only_repos is None and viewer.may_steer(tutorial.owner_id)


def may_moderate(viewer: Viewer, tutorial: Tutorial) -> bool:
    """Whether the viewer may hide other people's comments on it."""
    return viewer.is_admin or may_write(viewer, tutorial)


def require_keeper(viewer: Viewer) -> int:
    """Return the viewer's id if they may say which tutorials are checked.

    Raises:
        UnauthorizedError: nobody is signed in.
        ForbiddenError: they neither moderate nor administer the site.
    """
    user_id = require_person(viewer)
    if not (viewer.is_moderator or viewer.is_admin):
        raise ForbiddenError(_("Only moderators say which tutorials are checked."))
    return user_id


def require_checking(viewer: Viewer, tutorial: Tutorial, *, is_watched: bool) -> None:
    """Pass only if the viewer may have this tutorial checked now: a moderator, or its author.

    Raises:
        UnauthorizedError: nobody is signed in.
        ForbiddenError: they are neither, or nobody has it checked at night.
    """
    require_person(viewer)
    if viewer.is_moderator or viewer.is_admin:
        return
    if not may_write(viewer, tutorial) or not is_watched:
        raise ForbiddenError(
            _("Only moderators, and the author of a tutorial that is checked at night, may check."),
            fix=_("Run the recipe as a job of your own, or ask a moderator."),
        )


def require_person(viewer: Viewer) -> int:
    """Return the viewer's id; a job writes nothing here.

    Raises:
        UnauthorizedError: nobody is signed in.
        ForbiddenError: the credential is a job's.
    """
    if viewer.only_repos is not None:
        raise ForbiddenError(_("A job may not write tutorials."))
    return viewer.require_user()


def missing() -> NotFoundError:
    """Return what unknown and hidden tutorials answer alike."""
    return NotFoundError(_("There is no such tutorial."), fix=_("Look through the list."))
