"""The first administrator: no default password, but a link that works once."""

from dataclasses import replace
from datetime import timedelta

import structlog

from app.accounts import queries
from app.accounts.schemas import AccountRef, NewUser
from app.accounts.service.people import create_user
from app.accounts.tables import SetupLink
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import NotFoundError
from app.core.i18n import _
from app.core.security import new_token, token_hash

log = structlog.get_logger(__name__)

_LIFETIME = timedelta(days=7)


async def first_admin_link(db: AsyncSession) -> str | None:
    """Return a fresh `/setup?token=…`, or None once the site has an administrator.

    Links made before stop working, so only the one printed last is worth anything.
    """
    if await queries.an_admin_exists(db):
        return None
    await queries.delete_unused_setup_links(db)
    secret = new_token("tfl")
    db.add(SetupLink(token_hash=token_hash(secret), expires_at=now() + _LIFETIME))
    await db.flush()
    log.info("setup_link_made")
    return f"/setup?token={secret}"


async def setup_link_is_open(db: AsyncSession, secret: str) -> bool:
    """Whether the link would still make an administrator."""
    if await queries.an_admin_exists(db):
        return False
    return await queries.setup_link_is_open(db, token_hash(secret))


async def create_first_admin(db: AsyncSession, secret: str, new: NewUser) -> AccountRef:
    """Use the link up and make the administrator; a mistake in the form leaves the link whole.

    Raises:
        NotFoundError: the link was used, is too old, or there is an administrator already.
        InvalidError: name, e-mail address or password will not do.
    """
    async with db.begin_nested():
        redeemed = await queries.redeem_setup_link(db, token_hash(secret), now())
        if not redeemed or await queries.an_admin_exists(db):
            raise NotFoundError(
                _("This link has been used, or is too old."),
                fix=_("Start the site again: it prints a new one while nobody administers it."),
            )
        made = await create_user(db, replace(new, is_admin=True, is_trusted=True))
    log.info("first_admin_created", user_id=made.id)
    return made
