"""Which accounts at other providers sign a person in."""

from collections.abc import Sequence

import structlog
from sqlalchemy.exc import IntegrityError

from app.accounts.queries import factors as queries
from app.accounts.schemas import NewUser, Site
from app.accounts.service.factors import factors_of
from app.accounts.service.letters import tell
from app.accounts.service.people import create_user, person
from app.accounts.service.providers import Stranger
from app.accounts.tables import ExternalIdentity
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, NotFoundError, UnauthorizedError
from app.core.i18n import _

log = structlog.get_logger(__name__)


async def identities_of(db: AsyncSession, user_id: int) -> Sequence[ExternalIdentity]:
    """Return the accounts at other providers that sign the person in."""
    return await queries.identities_of(db, user_id)


async def person_behind(db: AsyncSession, stranger: Stranger) -> int | None:
    """Return whom this account at a provider signs in; None if nobody.

    Raises:
        UnauthorizedError: it is somebody who is suspended.
    """
    found = await queries.identity(db, stranger.issuer, stranger.subject)
    if found is None:
        return None
    if (await person(db, found.user_id)).user.is_suspended:
        raise UnauthorizedError(_("This account does not sign in here."), code="wrong_credentials")
    found.last_used_at = now()
    await db.flush()
    return found.user_id


async def link_identity(db: AsyncSession, site: Site, user_id: int, stranger: Stranger) -> None:
    """Let an account at a provider sign this person in, who is signed in now.

    Raises:
        ConflictError: it signs in somebody else, or this person already.
    """
    identity = ExternalIdentity(
        user_id=user_id,
        issuer=stranger.issuer,
        subject=stranger.subject,
        label=stranger.label,
    )
    try:
        async with db.begin_nested():
            db.add(identity)
    except IntegrityError as error:
        raise ConflictError(
            _("This account at the provider is in use here already."),
            fix=_("Sign in with it, and remove it there first."),
        ) from error
    found = await person(db, user_id)
    await tell(db, site, found, "identity_linked", account=f"{stranger.issuer} · {stranger.label}")
    log.info("identity_linked", user_id=user_id, issuer=stranger.issuer)


async def sign_up_with(db: AsyncSession, stranger: Stranger, name: str, email: str) -> int:
    """Make an account without a password, which this account at a provider signs in.

    Raises:
        InvalidError: name or e-mail address will not do, or somebody has them; an account that
            has the address stays as it is, whoever vouches for what.
    """
    proved = stranger.email_proved and email == stranger.email
    made = await create_user(db, NewUser(name, email, None, is_trusted=proved))
    db.add(
        ExternalIdentity(
            user_id=made.id,
            issuer=stranger.issuer,
            subject=stranger.subject,
            label=stranger.label,
            last_used_at=now(),
        )
    )
    await db.flush()
    return made.id


async def unlink_identity(db: AsyncSession, user_id: int, identity_id: int) -> None:
    """Let an account at a provider sign this person in no more.

    Raises:
        NotFoundError: the person has no such account.
        ConflictError: they could not sign in at all afterwards.
    """
    found = await queries.identity_by_id(db, user_id, identity_id)
    if found is None:
        raise NotFoundError(_("You have no such account at a provider."))
    has_password = (await person(db, user_id)).user.has_password
    others = len(await queries.identities_of(db, user_id)) - 1
    if not has_password and not others and not (await factors_of(db, user_id)).passkeys:
        raise ConflictError(_("You could not sign in any more."), fix=_("Choose a password first."))
    await db.delete(found)
    await db.flush()
    log.info("identity_unlinked", user_id=user_id, issuer=found.issuer)
