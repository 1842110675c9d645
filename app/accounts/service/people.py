"""People's accounts: finding, making and changing them."""

import re
from collections.abc import Collection, Iterable

import structlog
from sqlalchemy.exc import IntegrityError

from app.accounts import queries
from app.accounts.events import AccountCreated
from app.accounts.names import check_name, name_key
from app.accounts.passwords import check_password, hash_password
from app.accounts.queries import Person
from app.accounts.queries import links as link_queries
from app.accounts.schemas import AccountKind, AccountRef, Member, NewUser, Profile, ProfileIn, Site
from app.accounts.service.organizations import organizations_of
from app.accounts.service.refs import ref
from app.accounts.tables import Account, User
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import Detail, InvalidError, NotFoundError
from app.core.events import emit
from app.core.i18n import _
from app.core.security import sign
from app.mail import service as mail

log = structlog.get_logger(__name__)

# Only what every address has: whether mail arrives is known when it arrives.
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.][^@\s]{0,189}")


async def find_account(db: AsyncSession, name: str) -> AccountRef | None:
    """Return the account of this name in any case."""
    account = await queries.account_by_name(db, name)
    return ref(account) if account else None


async def account_refs(db: AsyncSession, ids: Collection[int]) -> dict[int, AccountRef]:
    """Return those of the accounts that exist, by id."""
    return {account.id: ref(account) for account in await queries.accounts_by_id(db, ids)}


async def names_of(db: AsyncSession, ids: Iterable[int | None]) -> dict[int | None, str]:
    """Return the names of those of the accounts that exist, by id; nobody (None) has none."""
    wanted = {one for one in ids if one is not None}
    found = await account_refs(db, wanted) if wanted else {}
    return {number: ref.name for number, ref in found.items()}


async def check_not_banned(db: AsyncSession, banned_hash: str) -> None:
    """Pass unless the person behind this address was sent away; `banned_hash` is of the address.

    Raises:
        InvalidError: they were.
    """
    if await link_queries.email_is_banned(db, banned_hash):
        problem = _("This e-mail address cannot be used here.")
        raise InvalidError(problem, code="banned_email", details=[Detail("email", problem)])


def email_hash(site: Site, email: str) -> str:
    """Return what is kept of an address that may not sign up again."""
    return sign(site.key, "banned-email", name_key(email))


async def create_user(db: AsyncSession, new: NewUser) -> AccountRef:
    """Make a person's account.

    Raises:
        InvalidError: name, e-mail address or password will not do, or somebody has them already;
            `details` names the field.
    """
    check_name(new.name)
    check_email(new.email)
    if new.password is not None:
        check_password(new.password, new.name, new.email)
    await _check_free(db, new.name, new.email)
    # Who comes from another provider has no password; nothing equals the empty hash.
    password_hash = "" if new.password is None else await hash_password(new.password)
    account = Account(name=new.name, name_key=name_key(new.name), kind=AccountKind.USER)
    try:
        async with db.begin_nested():
            db.add(account)
            await db.flush()
            db.add(
                User(
                    account_id=account.id,
                    email=new.email,
                    email_key=name_key(new.email),
                    password_hash=password_hash,
                    is_admin=new.is_admin,
                    email_confirmed_at=now() if new.is_trusted else None,
                )
            )
    except IntegrityError as error:  # somebody was quicker
        raise _taken("name", _("This name is taken.")) from error
    emit(db, AccountCreated(account.id, AccountKind.USER))
    log.info("user_created", user_id=account.id, is_admin=new.is_admin)
    return ref(account)


def check_email(email: str) -> None:
    """Pass if letters could go to this address.

    Raises:
        InvalidError: it is no address.
    """
    if not _EMAIL.fullmatch(email) or not mail.is_address(email):
        problem = _("Write an e-mail address like name@example.org.")
        raise InvalidError(problem, code="bad_email", details=[Detail("email", problem)])


async def _check_free(db: AsyncSession, name: str, email: str) -> None:
    if await queries.account_by_name(db, name):
        raise _taken("name", _("This name is taken."))
    if await queries.person_by_email(db, email):
        raise email_taken()


def email_taken() -> InvalidError:
    """Return the answer to an address that somebody has."""
    return _taken("email", _("There is an account with this e-mail address already."))


def _taken(path: str, problem: str) -> InvalidError:
    return InvalidError(problem, code="taken", details=[Detail(path, problem)])


async def person(db: AsyncSession, user_id: int) -> Person:
    """Return a signed-in person's rows.

    Raises:
        NotFoundError: the account has gone.
    """
    found = await queries.person_by_id(db, user_id)
    if found is None:
        raise NotFoundError(_("There is no such account."))
    return found


async def change_profile(db: AsyncSession, user_id: int, change: ProfileIn) -> Person:
    """Store what the person says about themselves, and their language and theme."""
    found = await person(db, user_id)
    if change.display_name is not None:
        found.account.display_name = change.display_name
    if change.bio is not None:
        found.user.bio = change.bio
    found.account.changed_at = now()
    if change.language is not None:
        found.user.language = change.language.value
    if change.theme is not None:
        found.user.theme = change.theme.value
    await db.flush()
    return found


async def empty_profile(db: AsyncSession, user_id: int) -> ProfileIn:
    """Take away what a person says about themselves; return it, to be given back perhaps."""
    found = await person(db, user_id)
    said = ProfileIn(display_name=found.account.display_name, bio=found.user.bio)
    await change_profile(db, user_id, ProfileIn(display_name="", bio=""))
    return said


async def profile(db: AsyncSession, name: str) -> Profile:
    """Return the public side of an account.

    Raises:
        NotFoundError: nobody has this name.
    """
    account = await queries.account_by_name(db, name)
    if account is None:
        raise NotFoundError(_("There is no such account."))
    if account.kind is AccountKind.USER:
        found = await person(db, account.id)
        return Profile(
            account=ref(account),
            about=found.user.bio,
            joined_at=account.created_at,
            organizations=tuple(await organizations_of(db, account.id)),
        )
    organization = await queries.organization_by_id(db, account.id)
    rows = await queries.members(db, account.id)
    return Profile(
        account=ref(account),
        about=organization.description if organization else "",
        joined_at=account.created_at,
        members=tuple(Member(ref(who), row.role, row.created_at) for who, row in rows),
    )
