"""Organisations and who is in them. Callers have asked `policy.access_organization` before."""

import structlog
from sqlalchemy.exc import IntegrityError

from app.accounts import queries
from app.accounts.events import AccountCreated, MembershipChanged
from app.accounts.names import check_name, name_key
from app.accounts.schemas import (
    AccountKind,
    AccountRef,
    Member,
    OrganizationChange,
    OrganizationIn,
    Role,
)
from app.accounts.service.refs import ref
from app.accounts.tables import Account, Membership, Organization
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, Detail, InvalidError, NotFoundError
from app.core.events import emit
from app.core.i18n import _

log = structlog.get_logger(__name__)


async def create_organization(
    db: AsyncSession, name: str, owner_id: int, *, default_private: bool = False
) -> AccountRef:
    """Make an organisation whose first administrator is `owner_id`.

    Raises:
        InvalidError: the name will not do or is taken.
    """
    check_name(name)
    taken = _("This name is taken.")
    if await queries.account_by_name(db, name):
        raise InvalidError(taken, code="taken", details=[Detail("name", taken)])
    account = Account(name=name, name_key=name_key(name), kind=AccountKind.ORGANIZATION)
    try:
        async with db.begin_nested():
            db.add(account)
    except IntegrityError as error:  # somebody was quicker
        raise InvalidError(taken, code="taken", details=[Detail("name", taken)]) from error
    db.add(Organization(account_id=account.id, default_private=default_private))
    await db.flush()
    db.add(Membership(organization_id=account.id, user_id=owner_id, role=Role.ADMIN))
    await db.flush()
    emit(db, AccountCreated(account.id, AccountKind.ORGANIZATION))
    log.info("organization_created", organization_id=account.id, owner_id=owner_id)
    return ref(account)


async def found_organization(db: AsyncSession, owner_id: int, new: OrganizationIn) -> AccountRef:
    """Make an organisation with all its settings.

    Raises:
        InvalidError: the name will not do or is taken.
    """
    made = await create_organization(db, new.name, owner_id, default_private=new.default_private)
    change = OrganizationChange(display_name=new.display_name, description=new.description)
    await change_organization(db, made.id, change)
    return AccountRef(made.id, made.name, made.kind, new.display_name)


async def organization_settings(
    db: AsyncSession, organization_id: int
) -> tuple[Organization, list[Member]]:
    """Return the settings and the members, by name.

    Raises:
        NotFoundError: there is no such organisation.
    """
    organization = await queries.organization_by_id(db, organization_id)
    if organization is None:
        raise NotFoundError(_("There is no such organisation."))
    rows = await queries.members(db, organization_id)
    return organization, [Member(ref(who), row.role, row.created_at) for who, row in rows]


async def change_organization(
    db: AsyncSession, organization_id: int, change: OrganizationChange
) -> None:
    """Store new settings; None leaves a field as it is."""
    organization = await queries.organization_by_id(db, organization_id)
    accounts = await queries.accounts_by_id(db, [organization_id])
    if organization is None or not accounts:
        raise NotFoundError(_("There is no such organisation."))
    if change.display_name is not None:
        accounts[0].display_name = change.display_name
    if change.description is not None:
        organization.description = change.description
    accounts[0].changed_at = now()
    if change.default_private is not None:
        organization.default_private = change.default_private
    await db.flush()


async def organizations_of(db: AsyncSession, user_id: int) -> list[tuple[AccountRef, Role]]:
    """Return the organisations a person is in, with their role."""
    return [(ref(account), role) for account, role in await queries.organizations_of(db, user_id)]


async def default_private(db: AsyncSession, owner_id: int) -> bool:
    """Whether new repositories of this owner start private; never so for a person."""
    organization = await queries.organization_by_id(db, owner_id)
    return organization is not None and organization.default_private


async def add_member(db: AsyncSession, organization_name: str, user_name: str, role: Role) -> None:
    """Make a person a member, or give a member another role.

    Raises:
        NotFoundError: there is no such organisation.
        InvalidError: there is no such person.
        ConflictError: the organisation would be left without an administrator.
    """
    account = await queries.account_by_name(db, organization_name)
    if account is None or account.kind is not AccountKind.ORGANIZATION:
        raise NotFoundError(_("There is no such organisation."))
    await set_member(db, account.id, user_name, role)


async def set_member(db: AsyncSession, organization_id: int, user_name: str, role: Role) -> None:
    """Like `add_member`, for an organisation that was looked up before."""
    user_id = await _user_id(db, user_name)
    if role is Role.NO_ACCESS:
        await remove_member(db, organization_id, user_name)
        return
    if role is not Role.ADMIN:
        await _keep_an_admin(db, organization_id, user_id)
    member = await queries.membership(db, organization_id, user_id)
    if member is None:
        db.add(Membership(organization_id=organization_id, user_id=user_id, role=role))
    else:
        member.role = role
    await db.flush()
    emit(db, MembershipChanged(organization_id, user_id))
    log.info("member_set", organization_id=organization_id, user_id=user_id, role=role.value)


async def remove_member(db: AsyncSession, organization_id: int, user_name: str) -> None:
    """End a membership; every right that hung on it ends with this transaction.

    Raises:
        InvalidError: there is no such person.
        NotFoundError: the person is no member.
        ConflictError: the organisation would be left without an administrator.
    """
    user_id = await _user_id(db, user_name)
    await _keep_an_admin(db, organization_id, user_id)
    member = await queries.membership(db, organization_id, user_id)
    if member is None:
        raise NotFoundError(_("This person is not a member."))
    await db.delete(member)
    await db.flush()
    emit(db, MembershipChanged(organization_id, user_id))
    log.info("member_removed", organization_id=organization_id, user_id=user_id)


async def _user_id(db: AsyncSession, name: str) -> int:
    account = await queries.account_by_name(db, name)
    if account is None or account.kind is not AccountKind.USER:
        problem = _("There is nobody of this name.")
        raise InvalidError(problem, code="no_such_user", details=[Detail("user", problem)])
    return account.id


async def _keep_an_admin(db: AsyncSession, organization_id: int, leaving_id: int) -> None:
    if await queries.lock_admins(db, organization_id) == {leaving_id}:
        raise ConflictError(
            _("This is the only administrator of the organisation."),
            fix=_("Make somebody else administrator first."),
            code="last_admin",
        )
