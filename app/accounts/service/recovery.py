"""E-mail addresses that are proved, passwords that are lost, and passwords that change."""

import structlog
from sqlalchemy.exc import IntegrityError

from app.accounts import queries
from app.accounts.events import SignedOut
from app.accounts.names import name_key
from app.accounts.passwords import check_password, hash_password, verify_password
from app.accounts.queries import Person
from app.accounts.queries import links as link_queries
from app.accounts.schemas import LinkPurpose, Site
from app.accounts.service.factors import factors_of
from app.accounts.service.letters import send_link, tell
from app.accounts.service.links import check_link, make_link, use_link
from app.accounts.service.people import (
    check_email,
    check_not_banned,
    email_hash,
    email_taken,
    person,
)
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import Detail, GoneError, InvalidError
from app.core.events import emit
from app.core.i18n import _

log = structlog.get_logger(__name__)


async def ask_to_confirm(db: AsyncSession, site: Site, user_id: int) -> None:
    """Send the letter whose link proves the person's e-mail address, unless it is proved."""
    found = await person(db, user_id)
    if found.user.email_confirmed_at is None and site.sends_letters:
        secret = await make_link(db, user_id, LinkPurpose.CONFIRM_EMAIL, found.user.email)
        await send_link(db, site, found, "confirm_email", f"/verify-email?token={secret}")


async def confirm_email(db: AsyncSession, secret: str) -> None:
    """Note that letters reach the person.

    Raises:
        GoneError: the link was used or is too old, or the address was changed since.
        NotFoundError: there never was such a link.
    """
    link = await use_link(db, LinkPurpose.CONFIRM_EMAIL, secret)
    found = await person(db, link.user_id)
    if found.user.email != link.email:
        raise GoneError(_("This link belongs to another e-mail address."))
    found.user.email_confirmed_at = now()
    await db.flush()
    log.info("email_confirmed", user_id=link.user_id)


async def change_email(
    db: AsyncSession, site: Site, user_id: int, email: str, password: str
) -> bool:
    """Ask for another e-mail address; True if it waits for a letter to be opened there.

    Raises:
        InvalidError: it is no address, another account has it, it is of somebody who was sent
            away, or the password is wrong.
    """
    found = await person(db, user_id)
    await _check_current(found, password, "password")
    check_email(email)
    await check_not_banned(db, email_hash(site, email))
    other = await queries.person_by_email(db, email)
    if other is not None and other.account.id != user_id:
        raise email_taken()
    if not site.sends_letters:
        await _store_email(db, found, email)
        found.user.email_confirmed_at = None
        return False
    await tell(db, site, found, "email_change_asked")
    secret = await make_link(db, user_id, LinkPurpose.CHANGE_EMAIL, email)
    await send_link(db, site, found, "change_email", f"/verify-email/new?token={secret}", to=email)
    return True


async def use_new_email(db: AsyncSession, site: Site, secret: str) -> None:
    """Put the new address into use, and tell the old one.

    Raises:
        GoneError: the link was used or is too old.
        NotFoundError: there never was such a link.
        InvalidError: another account has taken the address since, or who had it was sent away.
    """
    link = await use_link(db, LinkPurpose.CHANGE_EMAIL, secret)
    await check_not_banned(db, email_hash(site, link.email))
    found = await person(db, link.user_id)
    old = found.user.email
    await _store_email(db, found, link.email)
    found.user.email_confirmed_at = now()
    await link_queries.close_links(db, link.user_id, LinkPurpose.RESET)
    await tell(db, site, found, "email_changed", to=old)


async def _store_email(db: AsyncSession, found: Person, email: str) -> None:
    try:
        async with db.begin_nested():
            found.user.email, found.user.email_key = email, name_key(email)
    except IntegrityError as error:  # somebody was quicker
        raise email_taken() from error
    log.info("email_changed", user_id=found.account.id)


async def send_reset_link(db: AsyncSession, site: Site, email: str) -> None:
    """Send a link for a new password, if the address is somebody's; nobody is told whether."""
    found = await queries.person_by_email(db, email)
    if found is None or found.user.is_suspended or not site.sends_letters:
        return
    secret = await make_link(db, found.account.id, LinkPurpose.RESET, found.user.email)
    await send_link(db, site, found, "reset_password", f"/reset-password?token={secret}")


async def reset_link(db: AsyncSession, user_id: int) -> str:
    """Return the path of a link for a new password, to be handed over by an administrator."""
    found = await person(db, user_id)
    secret = await make_link(db, user_id, LinkPurpose.RESET, "")
    log.info("reset_link_made", user_id=found.account.id)
    return f"/reset-password?token={secret}"


async def reset_password(db: AsyncSession, site: Site, secret: str, new: str) -> None:
    """Store a new password and end every session and everything that renews itself.

    A mistake in the form leaves the link whole.

    Raises:
        GoneError: the link was used or is too old.
        NotFoundError: there never was such a link.
        InvalidError: the password will not do.
    """
    link = await check_link(db, LinkPurpose.RESET, secret)
    found = await person(db, link.user_id)
    check_password(new, found.account.name, found.user.email)
    await use_link(db, LinkPurpose.RESET, secret)
    if link.email == found.user.email and found.user.email_confirmed_at is None:
        await _take_over(db, found)
    await _store_password(db, found, new)
    await tell(db, site, found, "password_changed")


async def _take_over(db: AsyncSession, found: Person) -> None:
    """Note that the letter was read, and end what an earlier holder of the account left behind.

    Until now nobody had proved that the address is theirs: somebody else may have signed up with
    it and be waiting. With a second factor whoever resets does not get in, and all stays as it is.
    """
    if not (await factors_of(db, found.account.id)).any:
        found.user.email_confirmed_at = now()
        await link_queries.delete_other_ways_in(db, found.account.id)


async def change_password(
    db: AsyncSession, site: Site, user_id: int, current: str, new: str
) -> None:
    """Store a new password and end every session; the caller starts a fresh one.

    Raises:
        InvalidError: the current password is wrong, or the new one will not do.
    """
    found = await person(db, user_id)
    await _check_current(found, current, "current_password")
    check_password(new, found.account.name, found.user.email, path="new_password")
    await _store_password(db, found, new)
    await tell(db, site, found, "password_changed")


async def _store_password(db: AsyncSession, found: Person, new: str) -> None:
    found.user.password_hash = await hash_password(new)
    await queries.delete_login_sessions(db, found.account.id, keep_id=None)
    emit(db, SignedOut(found.account.id))
    await link_queries.delete_renewable_tokens(db, found.account.id)
    # Who knew the old password may have asked for letters to go to them.
    for purpose in (LinkPurpose.RESET, LinkPurpose.CHANGE_EMAIL):
        await link_queries.close_links(db, found.account.id, purpose)
    await db.flush()
    log.info("password_changed", user_id=found.account.id)


async def _check_current(found: Person, password: str, path: str) -> None:
    """Pass with the right password; who has none has proved themselves in another way."""
    if found.user.has_password and not await verify_password(password, found.user.password_hash):
        problem = _("This is not your current password.")
        raise InvalidError(problem, code="wrong_password", details=[Detail(path, problem)])
