"""Links that work once, for an hour, and are kept as a hash."""

from datetime import timedelta

import structlog

from app.accounts.queries import links as queries
from app.accounts.schemas import LinkPurpose
from app.accounts.tables import OneTimeLink
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import GoneError, NotFoundError
from app.core.i18n import _
from app.core.security import new_token, token_hash

log = structlog.get_logger(__name__)

LIFETIME = timedelta(hours=1)
# So long a used link is told from one that never was.
_KEPT = timedelta(days=30)


async def make_link(
    db: AsyncSession,
    user_id: int,
    purpose: LinkPurpose,
    email: str,
    lifetime: timedelta = LIFETIME,
) -> str:
    """Return the secret of a fresh link; older ones of this kind work no more."""
    await queries.delete_old_links(db, now() - _KEPT)
    await queries.close_links(db, user_id, purpose)
    secret = new_token("tfl")
    db.add(
        OneTimeLink(
            user_id=user_id,
            purpose=purpose,
            token_hash=token_hash(secret),
            email=email,
            expires_at=now() + lifetime,
        )
    )
    await db.flush()
    log.info("link_made", user_id=user_id, purpose=purpose.value)
    return secret


async def check_link(db: AsyncSession, purpose: LinkPurpose, secret: str) -> OneTimeLink:
    """Return the link if it would still work.

    Raises:
        GoneError: it was used, or is too old.
        NotFoundError: there never was such a link.
    """
    found = await queries.link_by_hash(db, purpose, token_hash(secret))
    if found is None:
        raise NotFoundError(
            _("This link does not work."), fix=_("Copy it from the letter as a whole.")
        )
    if found.used_at is not None or found.expires_at <= now():
        raise GoneError(
            _("This link has been used, or is too old."), fix=_("Let yourself be sent a new one.")
        )
    return found


async def use_link(db: AsyncSession, purpose: LinkPurpose, secret: str) -> OneTimeLink:
    """Use a link up; of many who open it at once exactly one gets through.

    Raises:
        GoneError: it was used, or is too old.
        NotFoundError: there never was such a link.
    """
    used = await queries.redeem_link(db, purpose, token_hash(secret))
    if used is None:
        await check_link(db, purpose, secret)
        raise GoneError(_("This link has been used, or is too old."))
    return used
