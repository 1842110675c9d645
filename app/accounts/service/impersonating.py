"""Seeing the site as somebody else does, to help them: reading only, for an hour, and told."""

from datetime import timedelta

import structlog

from app.accounts import queries
from app.accounts.schemas import SignInMethod
from app.accounts.service.confirming import require_confirmed
from app.accounts.service.people import person
from app.accounts.service.sign_in import Browser, NewSession
from app.accounts.tables import LoginSession
from app.core import audit
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, ForbiddenError, NotFoundError
from app.core.i18n import _
from app.core.security import Viewer, new_token, token_hash

log = structlog.get_logger(__name__)

FOR = timedelta(hours=1)


async def impersonate(
    db: AsyncSession, viewer: Viewer, user_id: int, browser: Browser
) -> NewSession:
    """Begin a session in which an administrator sees what a person sees, and changes nothing.

    Raises:
        NotFoundError: the viewer does not administer the site, or there is no such person.
        ConfirmationNeededError: the administrator must prove first who they are.
        ForbiddenError: the person administers the site.
        ConflictError: the person is suspended: they see nothing.
    """
    if not viewer.is_admin or viewer.session_id is None:
        raise NotFoundError("There is nothing at this address.")
    actor_id, found = require_confirmed(viewer), await person(db, user_id)
    if found.user.is_admin:
        raise ForbiddenError(_("Nobody can act as an administrator."))
    if found.user.is_suspended:
        raise ConflictError(_("A suspended person sees no more than a visitor does."))
    secret, ends_at = new_token("tfs"), now() + FOR
    db.add(
        LoginSession(
            user_id=user_id,
            token_hash=token_hash(secret),
            expires_at=ends_at,
            user_agent=browser.user_agent[:200],
            address=browser.address,
            method=SignInMethod.PASSWORD,
            impersonated_by_id=actor_id,
        )
    )
    await audit.record(
        db,
        actor_id,
        "users.impersonated",
        f"account:{user_id}",
        before={"as": viewer.name},
        after={"as": found.account.name, "until": ends_at.isoformat()},
    )
    log.info("impersonation_began", user_id=user_id, actor_id=actor_id)
    return NewSession(secret, ends_at)


async def end_impersonation(db: AsyncSession, secret: str) -> None:
    """End such a session; harmless when it has ended."""
    session = await queries.login_session_by_hash(db, token_hash(secret), FOR)
    if session is not None and session.impersonated_by_id is not None:
        await queries.delete_login_session_by_hash(db, token_hash(secret))
