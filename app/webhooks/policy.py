"""Whose webhook it is, and whether its owner may know of what happened."""

from app.accounts import policy as accounts_policy
from app.accounts import service as accounts
from app.accounts.schemas import Role
from app.core.db import AsyncSession
from app.core.errors import ForbiddenError, NotFoundError
from app.core.i18n import _
from app.core.security import READ_SCOPES, Viewer
from app.hub import policy as hub_policy
from app.hub import service as hub
from app.webhooks import queries
from app.webhooks.tables import Webhook


def require_person(viewer: Viewer) -> int:
    """Return the viewer's id; a job sets up no webhooks.

    Raises:
        UnauthorizedError: nobody is signed in.
        ForbiddenError: the credential is a job's.
    """
    if viewer.only_repos is not None:
        raise ForbiddenError(_("A job may not change webhooks."))
    return viewer.require_user()


async def access_webhook(db: AsyncSession, viewer: Viewer, webhook_id: int) -> Webhook:
    """Return a webhook of the viewer's own.

    Raises:
        NotFoundError: there is none, or it is somebody else's; the answer never tells which.
    """
    user_id = require_person(viewer)
    found = await queries.webhook_by_id(db, webhook_id)
    if found is None or found.user_id != user_id:
        raise NotFoundError(_("There is no such webhook."))
    return found


async def may_hear(
    db: AsyncSession, webhook: Webhook, repository_id: int, owner_id: int, *, private: bool
) -> bool:
    """Whether the webhook's owner may know of this repository now.

    Of one that is gone by now decides what was known of it: its owner and whether it was private.
    """
    try:
        person = await accounts.person(db, webhook.user_id)
    except NotFoundError:
        return False
    if person.user.is_suspended:
        return False
    # Without an administrator's rights: those are for the site's care, not for a feed of it all.
    viewer = Viewer(user_id=webhook.user_id, name=person.account.name, scopes=READ_SCOPES)
    repository = (await hub.repositories_by_id(db, [repository_id])).get(repository_id)
    if repository is not None:
        return await hub_policy.may_read(db, viewer, repository)
    if not private:
        return True
    return await accounts_policy.role_for(db, viewer, owner_id) >= Role.READ
