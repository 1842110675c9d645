"""Whose notifications these are."""

from app.core.db import AsyncSession
from app.core.errors import ForbiddenError, NotFoundError
from app.core.i18n import _
from app.core.security import Viewer
from app.notifications.queries import notifications as queries
from app.notifications.tables import Notification


def require_person(viewer: Viewer) -> int:
    """Return the viewer's id; a job has no notifications.

    Raises:
        UnauthorizedError: nobody is signed in.
        ForbiddenError: the credential is a job's.
    """
    if viewer.only_repos is not None:
        raise ForbiddenError(_("A job has no notifications."))
    return viewer.require_user()


async def access_notification(db: AsyncSession, viewer: Viewer, number: int) -> Notification:
    """Return one of the viewer's own notifications.

    Raises:
        NotFoundError: there is none, or it is somebody else's; the answer never tells which.
    """
    found = await queries.own(db, require_person(viewer), number)
    if found is None:
        raise not_found()
    return found


def not_found() -> NotFoundError:
    """Return the answer for what is not there or not the viewer's."""
    return NotFoundError(_("There is no such notification."))
