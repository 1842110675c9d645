"""Leaving: a week to change one's mind, then nothing is left that says who somebody was.

The account's row stays, nameless, because what the person published stays and hangs on it. Other
features forget what they know in the same transaction; `main.py` says which.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from app.accounts import queries
from app.accounts.events import SignedOut
from app.accounts.names import name_key
from app.accounts.queries import Person, personal
from app.accounts.schemas import LinkPurpose, Site
from app.accounts.service.letters import send_link, tell
from app.accounts.service.links import make_link, use_link
from app.accounts.service.people import email_hash, person
from app.accounts.tables import BannedEmail, User
from app.core import i18n
from app.core.clock import now
from app.core.db import AsyncSession, Database
from app.core.errors import ConflictError, Detail, InvalidError
from app.core.events import emit
from app.core.i18n import _
from app.mail import service as mail

log = structlog.get_logger(__name__)

UNDO = timedelta(days=7)
_AT_ONCE = 20


@dataclass(frozen=True)
class Gone:
    """Who has just been forgotten; the old name and address are for finding what is left."""

    user_id: int
    old_name: str = field(repr=False)
    new_name: str
    email: str = field(repr=False)
    # Only then is what was done under the address theirs: anybody may write any address.
    email_proved: bool


Eraser = Callable[[AsyncSession, Gone], Awaitable[None]]


async def ask_to_erase(db: AsyncSession, site: Site, user_id: int, typed_name: str) -> None:
    """Begin the week after which the person is forgotten, and tell them how to stay.

    Raises:
        InvalidError: the typed name is not the person's.
        ConflictError: an organisation, or the site, would be left without an administrator.
    """
    found = await person(db, user_id)
    if name_key(typed_name) != found.account.name_key:
        problem = _("Type your name to say that you mean it.")
        raise InvalidError(problem, details=[Detail("name", problem)])
    await check_replaceable(db, found)
    found.user.erased_from = now() + UNDO
    secret = await make_link(db, user_id, LinkPurpose.KEEP_ACCOUNT, found.user.email, UNDO)
    await send_link(db, site, found, "erasing", f"/keep-account?token={secret}")
    await db.flush()
    log.info("erasure_asked_for", user_id=user_id)


async def check_replaceable(db: AsyncSession, found: Person) -> None:
    """Pass if nothing is left without an administrator when this person goes.

    Raises:
        ConflictError: an organisation, or the site, would be.
    """
    alone = await personal.only_admin_of(db, found.account.id)
    if alone:
        names = ", ".join(one.name for one in await queries.accounts_by_id(db, alone))
        raise ConflictError(
            _("You are the only administrator of: %(names)s.") % {"names": names},
            fix=_("Make somebody else administrator first."),
            code="last_admin",
        )
    if found.user.is_admin and not await personal.another_admin_exists(db, found.account.id):
        raise ConflictError(
            _("You are the only administrator of the site."),
            fix=_("Make somebody else administrator first."),
            code="last_admin",
        )


async def keep_account(db: AsyncSession, user_id: int) -> None:
    """Change one's mind, while signed in."""
    found = await person(db, user_id)
    found.user.erased_from = None
    await db.flush()
    log.info("erasure_taken_back", user_id=user_id)


async def keep_account_by_link(db: AsyncSession, secret: str) -> None:
    """Change one's mind with the link of the letter.

    Raises:
        GoneError: the link was used, or the week is over.
        NotFoundError: there never was such a link.
    """
    link = await use_link(db, LinkPurpose.KEEP_ACCOUNT, secret)
    await keep_account(db, link.user_id)


async def erase_due(database: Database, site: Site, erasers: Sequence[Eraser]) -> int:
    """Forget those whose week is over; return how many there were."""
    async with database.transaction() as db:
        due = await personal.due_for_erasure(db, _AT_ONCE)
    for user_id in due:
        async with database.transaction() as db:
            await _erase(db, site, user_id, erasers)
    return len(due)


async def _erase(db: AsyncSession, site: Site, user_id: int, erasers: Sequence[Eraser]) -> None:
    user = await personal.lock_person(db, user_id)
    if user is None or user.erased_at or user.erased_from is None or user.erased_from > now():
        return  # another process was quicker, or the person stays
    found = await person(db, user_id)
    if await _is_needed(db, site, found):
        return
    gone = Gone(
        user_id,
        found.account.name,
        await _free_name(db, user_id),
        user.email,
        email_proved=user.email_confirmed_at is not None,
    )
    await mail.forget_address(db, gone.email)
    await tell(db, site, found, "erased", is_last=True)
    if user.is_suspended:
        db.add(BannedEmail(email_hash=email_hash(site, user.email)))
    for eraser in erasers:
        await eraser(db, gone)
    await personal.delete_credentials(db, user_id)
    _empty(found, gone)
    await db.flush()
    emit(db, SignedOut(user_id))
    log.info("person_erased", user_id=user_id)


async def _is_needed(db: AsyncSession, site: Site, found: Person) -> bool:
    """Whether somebody became the only administrator meanwhile: they are told, a week goes on."""
    try:
        with i18n.speaking(found.user.language or i18n.language()):
            await check_replaceable(db, found)
    except ConflictError as problem:
        found.user.erased_from = now() + UNDO
        await tell(db, site, found, "not_erased", reason=problem.message)
        log.info("erasure_put_off", user_id=found.account.id)
        return True
    return False


async def _free_name(db: AsyncSession, user_id: int) -> str:
    name = f"deleted-{user_id}"
    while await queries.account_by_name(db, name):
        name = f"deleted-{user_id}-{secrets.token_hex(2)}"
    return name


def _empty(found: Person, gone: Gone) -> None:
    account, user = found.account, found.user
    account.name, account.name_key, account.display_name = gone.new_name, gone.new_name, ""
    account.changed_at = now()
    user.email = user.email_key = f"{gone.new_name}@deleted.invalid"
    user.password_hash = user.bio = user.language = user.theme = ""
    user.is_admin = user.is_moderator = False
    user.email_confirmed_at = None
    user.erased_at = now()


def leaves_at(user: User) -> bool:
    """Whether the person has asked to be forgotten and can still change their mind."""
    return user.erased_from is not None and user.erased_at is None
