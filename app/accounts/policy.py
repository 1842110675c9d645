"""Who may act for whom. Every other feature asks here what a viewer's role under an owner is."""

from collections.abc import Collection

from app.accounts import queries
from app.accounts.schemas import AccountKind, Role
from app.accounts.tables import Account
from app.core.db import AsyncSession
from app.core.errors import ForbiddenError, NotFoundError
from app.core.i18n import _
from app.core.security import Viewer


async def role_for(db: AsyncSession, viewer: Viewer, owner_id: int) -> Role:
    """Return what `viewer` may do under the account `owner_id`; reading what is public needs none.

    A person is administrator of their own account; a site administrator of every one.
    """
    if viewer.user_id is None:
        return Role.NO_ACCESS
    if viewer.user_id == owner_id:
        return Role.ADMIN
    if viewer.is_admin:
        return Role.ADMIN
    return await queries.role_in_organization(db, owner_id, viewer.user_id) or Role.NO_ACCESS


async def readers_among(db: AsyncSession, owner_id: int, people: Collection[int]) -> set[int]:
    """Return which of these people may read what this account keeps private.

    Nobody counts as an administrator of the site here: those rights are for its care.
    """
    roles = await queries.members_among(db, owner_id, people)
    return {person for person in people if person == owner_id or _reads(roles.get(person))}


def _reads(role: Role | None) -> bool:
    return role is not None and role >= Role.READ


async def access_organization(db: AsyncSession, viewer: Viewer, name: str, role: Role) -> Account:
    """Return the organisation if the viewer has at least `role` in it.

    Raises:
        NotFoundError: there is no organisation of this name.
        ForbiddenError: there is one, which everybody may know, but the role is lower.
    """
    account = await queries.account_by_name(db, name)
    if account is None:
        raise NotFoundError(_("There is no such organisation."))
    if account.kind is not AccountKind.ORGANIZATION:
        raise NotFoundError(_("There is no such organisation."))
    if await role_for(db, viewer, account.id) < role:
        raise ForbiddenError(
            _("You may not do this in this organisation."),
            fix=_("Ask one of its administrators."),
        )
    return account
