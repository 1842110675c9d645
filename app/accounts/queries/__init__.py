"""Every read of the accounts' tables, and the single statements that must be atomic."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, exists, select, tuple_, update

from app.accounts.names import name_key
from app.accounts.schemas import AccountKind, Decision, Role, StandingKind
from app.accounts.tables import (
    AccessToken,
    Account,
    DeviceLogin,
    LoginSession,
    Membership,
    Organization,
    RefreshToken,
    SetupLink,
    Standing,
    User,
)
from app.core.clock import now
from app.core.db import AsyncSession

# Nobody reads more on one page, and no list is without an end.
LIST_LIMIT = 500


@dataclass(frozen=True)
class Person:
    """A person's two rows."""

    account: Account
    user: User


async def account_by_name(db: AsyncSession, name: str) -> Account | None:
    """Return the account of this name in any case."""
    return await db.scalar(select(Account).where(Account.name_key == name_key(name)))


async def accounts_by_id(db: AsyncSession, ids: Collection[int]) -> Sequence[Account]:
    """Return those of the accounts that exist, in no order."""
    if not ids:
        return []
    return (await db.scalars(select(Account).where(Account.id.in_(ids)))).all()


async def accounts_by_name(db: AsyncSession, names: Collection[str]) -> Sequence[Account]:
    """Return those of the accounts that exist, in no order."""
    keys = {name_key(name) for name in names}
    return (await db.scalars(select(Account).where(Account.name_key.in_(keys)))).all()


async def people_by_id(db: AsyncSession, ids: Collection[int]) -> list[Person]:
    """Return those of the people who exist, in no order."""
    statement = select(Account, User).join(User, User.account_id == Account.id)
    rows = await db.execute(statement.where(Account.id.in_(ids)))
    return [Person(row[0], row[1]) for row in rows]


async def members_among(
    db: AsyncSession, organization_id: int, people: Collection[int]
) -> dict[int, Role]:
    """Return the roles of those of the people who are members."""
    statement = select(Membership.user_id, Membership.role).where(
        Membership.organization_id == organization_id, Membership.user_id.in_(people)
    )
    return {row[0]: row[1] for row in await db.execute(statement)}


async def admins_of(db: AsyncSession, organization_id: int) -> Sequence[int]:
    """Return who administers the organisation, at most `LIST_LIMIT`."""
    statement = select(Membership.user_id).where(
        Membership.organization_id == organization_id, Membership.role == Role.ADMIN
    )
    return (await db.scalars(statement.limit(LIST_LIMIT))).all()


async def living_sessions(db: AsyncSession, ids: Collection[int], idle: timedelta) -> set[int]:
    """Return those of the sessions that have not ended."""
    statement = select(LoginSession.id).where(
        LoginSession.id.in_(ids),
        LoginSession.expires_at > now(),
        LoginSession.last_seen_at > now() - idle,
    )
    return set(await db.scalars(statement))


def is_suspended() -> ColumnElement[bool]:
    """Return the condition that no credential of a person is accepted now."""
    return User.suspended_at.is_not(None) & (
        User.suspended_until.is_(None) | (User.suspended_until > now())
    )


def is_account(number: Any) -> ColumnElement[bool]:
    """Return the condition that there is this account, and nobody left or suspended behind it."""
    gone = User.erased_at.is_not(None) | is_suspended()
    out = exists().where(User.account_id == Account.id, gone)
    return exists().where(Account.id == number, ~out)


async def changed_since(
    db: AsyncSession, moment: datetime, after_id: int, limit: int
) -> list[tuple[datetime, int]]:
    """Return when accounts changed after a moment, and their ids, the earliest first."""
    place = (Account.changed_at, Account.id)
    statement = select(*place).where(tuple_(*place) > (moment, after_id))
    rows = await db.execute(statement.order_by(*place).limit(limit))
    return [(changed, number) for changed, number in rows]


async def whole_accounts(
    db: AsyncSession, ids: Collection[int]
) -> Sequence[Row[Account, str | None, str | None]]:
    """Return accounts with what people and organisations say about themselves."""
    statement = (
        select(Account, User.bio, Organization.description)
        .join(User, User.account_id == Account.id, isouter=True)
        .join(Organization, Organization.account_id == Account.id, isouter=True)
        .where(Account.id.in_(ids))
    )
    return (await db.execute(statement)).all()


async def _person(db: AsyncSession, condition: ColumnElement[bool]) -> Person | None:
    statement = select(Account, User).join(User, User.account_id == Account.id)
    row = (await db.execute(statement.where(condition))).first()
    return Person(row[0], row[1]) if row else None


async def person_by_id(db: AsyncSession, user_id: int) -> Person | None:
    """Return the person with this account id."""
    return await _person(db, User.account_id == user_id)


async def person_by_name(db: AsyncSession, name: str) -> Person | None:
    """Return the person of this name in any case."""
    return await _person(db, Account.name_key == name_key(name))


async def person_by_email(db: AsyncSession, email: str) -> Person | None:
    """Return the person with this e-mail address in any case."""
    return await _person(db, User.email_key == name_key(email))


async def person_to_change(db: AsyncSession, user_id: int) -> User | None:
    """Return a person's row, held until the transaction ends."""
    statement = select(User).where(User.account_id == user_id).with_for_update(key_share=True)
    return await db.scalar(statement.execution_options(populate_existing=True))


async def standings_of(db: AsyncSession, user_id: int) -> Sequence[Standing]:
    """Return the measures against a person, the newest first."""
    statement = select(Standing).where(Standing.account_id == user_id)
    return (await db.scalars(statement.order_by(Standing.id.desc()).limit(LIST_LIMIT))).all()


async def standing_in_force(db: AsyncSession, user_id: int, kind: StandingKind) -> Standing | None:
    """Return the newest measure of a kind that is in force."""
    statement = (
        select(Standing)
        .where(
            Standing.account_id == user_id,
            Standing.kind == kind,
            Standing.lifted_at.is_(None),
            Standing.until.is_(None) | (Standing.until > now()),
        )
        .order_by(Standing.id.desc())
        .limit(1)
    )
    return await db.scalar(statement)


async def roles_of(db: AsyncSession, user_ids: Collection[int]) -> Sequence[User]:
    """Return the rows of those that are people."""
    return (await db.scalars(select(User).where(User.account_id.in_(user_ids)))).all()


async def moderator_ids(db: AsyncSession) -> Sequence[int]:
    """Return who moderates the site, administrators included."""
    statement = select(User.account_id).where(User.is_admin | User.is_moderator)
    return (await db.scalars(statement.limit(LIST_LIMIT))).all()


async def an_admin_exists(db: AsyncSession) -> bool:
    """Whether anybody administers the site."""
    return await db.scalar(select(User.account_id).where(User.is_admin).limit(1)) is not None


async def role_in_organization(db: AsyncSession, organization_id: int, user_id: int) -> Role | None:
    """Return the person's role, None for somebody who is no member."""
    statement = select(Membership.role).where(
        Membership.organization_id == organization_id, Membership.user_id == user_id
    )
    return await db.scalar(statement)


async def organization_by_id(db: AsyncSession, organization_id: int) -> Organization | None:
    """Return what only an organisation has."""
    return await db.get(Organization, organization_id)


async def membership(db: AsyncSession, organization_id: int, user_id: int) -> Membership | None:
    """Return the row that makes the person a member."""
    return await db.get(Membership, (organization_id, user_id))


async def members(db: AsyncSession, organization_id: int) -> list[tuple[Account, Membership]]:
    """Return the members by name, at most `LIST_LIMIT`."""
    statement = (
        select(Account, Membership)
        .join(Membership, Membership.user_id == Account.id)
        .where(Membership.organization_id == organization_id)
        .order_by(Account.name_key)
        .limit(LIST_LIMIT)
    )
    return [(row[0], row[1]) for row in await db.execute(statement)]


async def lock_admins(db: AsyncSession, organization_id: int) -> set[int]:
    """Return who administers the organisation, locked so that two of them cannot both leave."""
    statement = (
        select(Membership.user_id)
        .where(Membership.organization_id == organization_id, Membership.role == Role.ADMIN)
        .with_for_update()
    )
    return set(await db.scalars(statement))


async def organizations_of(db: AsyncSession, user_id: int) -> list[tuple[Account, Role]]:
    """Return the organisations the person is in, by name, at most `LIST_LIMIT`."""
    statement = (
        select(Account, Membership.role)
        .join(Membership, Membership.organization_id == Account.id)
        .where(Membership.user_id == user_id, Account.kind == AccountKind.ORGANIZATION)
        .order_by(Account.name_key)
        .limit(LIST_LIMIT)
    )
    return [(row[0], row[1]) for row in await db.execute(statement)]


async def organization_ids_of(db: AsyncSession, user_id: int) -> frozenset[int]:
    """Return the ids of the organisations the person is in."""
    statement = select(Membership.organization_id).where(Membership.user_id == user_id)
    return frozenset(await db.scalars(statement.limit(LIST_LIMIT)))


async def login_session_by_hash(
    db: AsyncSession, token_hash: bytes, idle: timedelta
) -> LoginSession | None:
    """Return the session while it lives: not too long idle, not past its end."""
    statement = select(LoginSession).where(
        LoginSession.token_hash == token_hash,
        LoginSession.expires_at > now(),
        LoginSession.last_seen_at > now() - idle,
    )
    return await db.scalar(statement)


async def login_sessions_of(
    db: AsyncSession, user_id: int, idle: timedelta
) -> Sequence[LoginSession]:
    """Return the person's living sessions, the one used last first."""
    statement = (
        select(LoginSession)
        .where(
            LoginSession.user_id == user_id,
            LoginSession.expires_at > now(),
            LoginSession.last_seen_at > now() - idle,
        )
        .order_by(LoginSession.last_seen_at.desc())
        .limit(LIST_LIMIT)
    )
    return (await db.scalars(statement)).all()


async def delete_login_session(db: AsyncSession, user_id: int, session_id: int) -> bool:
    """End one session of this person; False when it is not theirs or gone."""
    statement = delete(LoginSession).where(
        LoginSession.id == session_id, LoginSession.user_id == user_id
    )
    return await db.scalar(statement.returning(LoginSession.id)) is not None


async def delete_login_session_by_hash(db: AsyncSession, token_hash: bytes) -> int | None:
    """End the session of this cookie and return whose it was, None if there is none."""
    statement = delete(LoginSession).where(LoginSession.token_hash == token_hash)
    return await db.scalar(statement.returning(LoginSession.user_id))


async def delete_login_sessions(db: AsyncSession, user_id: int, keep_id: int | None) -> None:
    """End all sessions of this person but one."""
    statement = delete(LoginSession).where(LoginSession.user_id == user_id)
    await db.execute(statement.where(LoginSession.id.is_distinct_from(keep_id)))


async def delete_dead_login_sessions(db: AsyncSession, user_id: int, idle: timedelta) -> None:
    """Forget the person's sessions that have ended by themselves."""
    dead = (LoginSession.expires_at <= now()) | (LoginSession.last_seen_at <= now() - idle)
    await db.execute(delete(LoginSession).where(LoginSession.user_id == user_id, dead))


async def access_token_by_hash(db: AsyncSession, token_hash: bytes) -> AccessToken | None:
    """Return the token until it expires."""
    statement = select(AccessToken).where(
        AccessToken.token_hash == token_hash, AccessToken.expires_at > now()
    )
    return await db.scalar(statement)


async def access_tokens_of(db: AsyncSession, user_id: int) -> Sequence[AccessToken]:
    """Return the person's tokens, expired ones too, the newest first."""
    statement = (
        select(AccessToken)
        .where(AccessToken.user_id == user_id)
        .order_by(AccessToken.id.desc())
        .limit(LIST_LIMIT)
    )
    return (await db.scalars(statement)).all()


async def delete_access_token(db: AsyncSession, user_id: int, token_id: int) -> bool:
    """Revoke one token of this person; False when it is not theirs or gone."""
    statement = delete(AccessToken).where(
        AccessToken.id == token_id, AccessToken.user_id == user_id
    )
    return await db.scalar(statement.returning(AccessToken.id)) is not None


async def delete_unused_setup_links(db: AsyncSession) -> None:
    """Forget links that nobody followed; only the newest one shall work."""
    await db.execute(delete(SetupLink).where(SetupLink.used_at.is_(None)))


async def setup_link_is_open(db: AsyncSession, token_hash: bytes) -> bool:
    """Whether this link would still make the first administrator."""
    statement = select(SetupLink.id).where(*_open_link(token_hash))
    return await db.scalar(statement) is not None


async def redeem_setup_link(db: AsyncSession, token_hash: bytes, at: datetime) -> bool:
    """Use the link up; of many who try at once exactly one is told True."""
    statement = update(SetupLink).where(*_open_link(token_hash)).values(used_at=at)
    return await db.scalar(statement.returning(SetupLink.id)) is not None


def _open_link(token_hash: bytes) -> tuple[ColumnElement[bool], ...]:
    return (
        SetupLink.token_hash == token_hash,
        SetupLink.used_at.is_(None),
        SetupLink.expires_at > now(),
    )


async def device_login_by_device(db: AsyncSession, device_hash: bytes) -> DeviceLogin | None:
    """Return the waiting program, locked: of two polls at once only one may take the token."""
    statement = select(DeviceLogin).where(DeviceLogin.device_hash == device_hash)
    return await db.scalar(statement.with_for_update())


async def open_device_login(db: AsyncSession, user_code_hash: str) -> DeviceLogin | None:
    """Return the program that shows this code while nobody has decided, locked."""
    statement = select(DeviceLogin).where(
        DeviceLogin.user_code_hash == user_code_hash,
        DeviceLogin.expires_at > now(),
        DeviceLogin.decision == Decision.PENDING,
    )
    return await db.scalar(statement.with_for_update())


async def delete_old_device_logins(db: AsyncSession, before: datetime) -> None:
    """Forget programs whose codes ended before this moment."""
    await db.execute(delete(DeviceLogin).where(DeviceLogin.expires_at < before))


async def refresh_token_by_hash(
    db: AsyncSession, token_hash: bytes
) -> tuple[RefreshToken, AccessToken] | None:
    """Return the refresh token that has, or had last, this hash, with what it renews; locked."""
    either = (RefreshToken.token_hash == token_hash) | (RefreshToken.previous_hash == token_hash)
    statement = (
        select(RefreshToken, AccessToken)
        .join(AccessToken, AccessToken.id == RefreshToken.token_id)
        .where(either)
        .with_for_update()
    )
    row = (await db.execute(statement)).first()
    return (row[0], row[1]) if row else None


async def login_session_by_id(db: AsyncSession, session_id: int) -> LoginSession | None:
    """Return a session that a request was recognised by."""
    return await db.get(LoginSession, session_id)
