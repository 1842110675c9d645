"""Who moderates, and what they may see and decide."""

from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, ForbiddenError, NotFoundError
from app.core.i18n import _
from app.core.security import Viewer
from app.moderation import queries
from app.moderation.schemas import State
from app.moderation.tables import Item


def require_moderator(viewer: Viewer) -> int:
    """Return the viewer's id if they moderate the site.

    Raises:
        UnauthorizedError: nobody is signed in.
        ForbiddenError: they do not.
    """
    user_id = viewer.require_user()
    if not viewer.is_moderator:
        raise ForbiddenError(_("Only moderators may do this."), code="not_a_moderator")
    return user_id


async def access_item(db: AsyncSession, viewer: Viewer, item_id: int) -> Item:
    """Return something of the queue; what is of a private repository only to administrators.

    Raises:
        NotFoundError: there is none, or the viewer may not see it.
        ForbiddenError: the viewer is no moderator.
    """
    require_moderator(viewer)
    found = await queries.item(db, item_id)
    if found is None or (found.is_private and not viewer.is_admin):
        raise NotFoundError(_("There is no such report."))
    return found


async def access_to_decide(db: AsyncSession, viewer: Viewer, item_id: int) -> Item:
    """Return something of the queue, held, if the viewer may decide about it now.

    Raises:
        NotFoundError: there is none, or the viewer may not see it.
        ForbiddenError: the viewer is no moderator, or it concerns themselves.
        ConflictError: it is decided already, or another moderator works on it.
    """
    await access_item(db, viewer, item_id)
    found = await queries.item(db, item_id, lock=True)
    if found is None or found.state is not State.OPEN:
        raise ConflictError(_("This was decided already."), code="decided")
    if found.account_id == viewer.user_id and not viewer.is_admin:
        raise ForbiddenError(_("Another moderator must decide about what is yours."))
    return found


def is_claimed_by_another(item: Item, user_id: int | None) -> bool:
    """Whether another moderator works on it now."""
    return (
        item.claimed_by_id is not None
        and item.claimed_by_id != user_id
        and item.claimed_until is not None
        and item.claimed_until > now()
    )
