"""Signing in and out: passwords become sessions, and sessions live in rows that can be ended."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.accounts import queries
from app.accounts.events import SignedOut
from app.accounts.passwords import hash_password, needs_rehash, verify_password
from app.accounts.queries import links
from app.accounts.schemas import SignInMethod
from app.accounts.service.standing import suspension_of
from app.accounts.tables import LoginSession
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import NotFoundError, UnauthorizedError
from app.core.events import emit
from app.core.i18n import _
from app.core.security import new_token, token_hash

log = structlog.get_logger(__name__)

IDLE = timedelta(hours=12)
LIFETIME = timedelta(days=14)
_MAX_USER_AGENT = 200


@dataclass(frozen=True)
class NewSession:
    """A fresh session; `secret` goes into the cookie and is kept nowhere else."""

    secret: str
    expires_at: datetime


async def check_credentials(db: AsyncSession, login: str, password: str) -> int:
    """Return the id of the person who signs in with a name or an e-mail address.

    Raises:
        UnauthorizedError: one answer, after the same time, for an unknown name, a wrong password
            and for a suspended account with a wrong password.
    """
    by_email = "@" in login
    found = await (queries.person_by_email if by_email else queries.person_by_name)(db, login)
    stored = found.user.password_hash if found else None
    if not await verify_password(password, stored) or found is None:
        log.info("sign_in_refused")
        raise UnauthorizedError(_("Name and password do not match."), code="wrong_credentials")
    if found.user.is_suspended:  # said only to who knows the password
        log.info("sign_in_refused", user_id=found.account.id)
        raise await suspension_of(db, found)
    if needs_rehash(found.user.password_hash):
        found.user.password_hash = await hash_password(password)
    return found.account.id


@dataclass(frozen=True)
class Browser:
    """Where a session begins: what the browser says it is, its address, and how it got in."""

    user_agent: str
    address: str
    method: SignInMethod = SignInMethod.PASSWORD


async def start_session(
    db: AsyncSession, user_id: int, browser: Browser, replaces: str | None = None
) -> NewSession:
    """Begin a session and end the one of the cookie `replaces`: an id never outlives a sign-in."""
    if replaces:
        await queries.delete_login_session_by_hash(db, token_hash(replaces))
    await queries.delete_dead_login_sessions(db, user_id, IDLE)
    secret = new_token("tfs")
    session = LoginSession(
        user_id=user_id,
        token_hash=token_hash(secret),
        expires_at=now() + LIFETIME,
        user_agent=browser.user_agent[:_MAX_USER_AGENT],
        address=browser.address,
        method=browser.method,
        confirmed_at=now(),
    )
    db.add(session)
    await db.flush()
    log.info("signed_in", user_id=user_id, session_id=session.id)
    return NewSession(secret, session.expires_at)


async def sign_out(db: AsyncSession, secret: str) -> None:
    """End the session of this cookie; a copy of the cookie is worth nothing afterwards."""
    user_id = await queries.delete_login_session_by_hash(db, token_hash(secret))
    if user_id is not None:
        emit(db, SignedOut(user_id))


async def sessions_of(db: AsyncSession, user_id: int) -> Sequence[LoginSession]:
    """Return the person's living sessions, the one used last first."""
    return await queries.login_sessions_of(db, user_id, IDLE)


async def sign_out_session(db: AsyncSession, user_id: int, session_id: int) -> None:
    """End one of the person's own sessions.

    Raises:
        NotFoundError: it is not theirs, or has ended.
    """
    if not await queries.delete_login_session(db, user_id, session_id):
        raise NotFoundError(_("This session has ended already."))
    emit(db, SignedOut(user_id))


async def sign_out_elsewhere(db: AsyncSession, user_id: int, keep_id: int | None) -> None:
    """End every session of the person but the one that asks."""
    await queries.delete_login_sessions(db, user_id, keep_id)
    emit(db, SignedOut(user_id))


async def living_sessions(db: AsyncSession, ids: Collection[int]) -> set[int]:
    """Return those of the sessions that have not ended."""
    return await queries.living_sessions(db, ids, IDLE)


async def end_every_sign_in(db: AsyncSession) -> tuple[int, int]:
    """End all sessions and let no link, code or half sign-in work; return how many of each.

    For a site that was brought back: what was ended or used since must not come to life again.
    """
    return await links.delete_every_sign_in(db)
