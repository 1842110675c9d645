"""Whose figures somebody may see: their own, and those of organisations they are in."""

from app.accounts import policy as accounts_policy
from app.accounts import service as accounts
from app.accounts.schemas import AccountRef, Role
from app.core.db import AsyncSession
from app.core.errors import NotFoundError
from app.core.i18n import _
from app.core.security import Viewer


async def access_account(db: AsyncSession, viewer: Viewer, name: str = "") -> AccountRef:
    """Return the account whose usage is asked for; the viewer's own without a name.

    Raises:
        UnauthorizedError: nobody is signed in.
        NotFoundError: there is no such account, or its figures are not the viewer's business.
    """
    user_id = viewer.require_user()
    found = await accounts.find_account(db, name or viewer.name)
    if found is None or viewer.only_repos is not None:
        raise _unknown()
    if found.id != user_id and await accounts_policy.role_for(db, viewer, found.id) < Role.READ:
        raise _unknown()
    return found


def _unknown() -> NotFoundError:
    return NotFoundError(_("There is no such account, or its usage is not shown to you."))
