"""From a request's credential to a viewer: session cookie, Bearer token, or Basic with a token."""

import base64
import binascii
from dataclasses import replace
from datetime import timedelta

from starlette.requests import Request

from app.accounts import queries
from app.accounts.queries import Person
from app.accounts.service.access_tokens import PREFIX
from app.accounts.service.sign_in import IDLE
from app.accounts.service.standing import silence_of, suspension_of
from app.accounts.tables import LoginSession
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import UnauthorizedError
from app.core.http import site_settings
from app.core.i18n import _
from app.core.security import (
    ALL_SCOPES,
    READ_SCOPES,
    SILENCED_SCOPES,
    Scope,
    Silence,
    Viewer,
    token_hash,
)
from app.mail import service as mail

# How stale "last used" may be; a write for every request would cost more than it tells.
_TOUCH_EVERY = timedelta(minutes=5)


def session_cookie(request: Request) -> str:
    """Return the name of the session's cookie; over https the browser pins it to this host."""
    return "__Host-session" if request.url.scheme == "https" else "session"


async def authenticate(db: AsyncSession, request: Request) -> Viewer | None:
    """Return who sends this request, None when it carries no credential of ours.

    An ended session makes a visitor; a program is told that its token is worth nothing.

    Raises:
        UnauthorizedError: an access token that is unknown, expired, revoked or its owner's
            account suspended.
    """
    authorization = request.headers.get("authorization", "")
    if authorization:
        secret = _secret_of(authorization)
        found = await _by_token(db, secret) if secret.startswith(f"{PREFIX}_") else None
    else:
        cookie = request.cookies.get(session_cookie(request))
        found = await _by_session(db, cookie) if cookie else None
    if found is not None and not mail.is_on(site_settings(request)):
        return replace(found, email_open=False)  # nobody can open a letter that is never sent
    return found


def _secret_of(authorization: str) -> str:
    """Return the token of a Bearer header, or of Basic, where git puts it as the password."""
    kind, _sep, value = authorization.partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() != "basic":
        return ""
    try:
        login, _sep, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return password or login


async def _by_token(db: AsyncSession, secret: str) -> Viewer:
    token = await queries.access_token_by_hash(db, token_hash(secret))
    found = await queries.person_by_id(db, token.user_id) if token else None
    if token is not None and found is not None and found.user.is_suspended:
        raise await suspension_of(db, found)
    if token is None or found is None:
        raise UnauthorizedError(
            _("This access token is not valid."),
            fix=_("Make a new one under Settings, Access tokens."),
            code="invalid_token",
            headers={"WWW-Authenticate": 'Basic realm="Tuningfork"'},
        )
    if token.last_used_at is None or token.last_used_at < now() - _TOUCH_EVERY:
        token.last_used_at = now()
    scopes = frozenset(Scope(scope) for scope in token.scopes)
    return await _viewer(db, found, scopes, token_name=token.name)


async def viewer_of(
    db: AsyncSession, user_id: int, scopes: frozenset[Scope], token_name: str
) -> Viewer | None:
    """Return a person behind a credential of another feature's; None if they may not sign in."""
    found = await queries.person_by_id(db, user_id)
    if found is None or found.user.is_suspended:
        return None
    return await _viewer(db, found, scopes, token_name=token_name)


async def _by_session(db: AsyncSession, secret: str) -> Viewer | None:
    session = await queries.login_session_by_hash(db, token_hash(secret), IDLE)
    found = await queries.person_by_id(db, session.user_id) if session else None
    if session is None or found is None or found.user.is_suspended:
        return None
    if session.last_seen_at < now() - _TOUCH_EVERY:
        session.last_seen_at = now()
    if session.impersonated_by_id is not None:
        return await _impersonated(db, found, session)
    viewer = await _viewer(db, found, ALL_SCOPES, session_id=session.id)
    return replace(viewer, confirmed_at=session.confirmed_at)


async def _impersonated(db: AsyncSession, found: Person, session: LoginSession) -> Viewer | None:
    """Return the person as an administrator sees the site for them; None once they are none."""
    actor = await queries.person_by_id(db, session.impersonated_by_id or 0)
    if actor is None or not actor.user.is_admin or actor.user.is_suspended or found.user.is_admin:
        return None
    viewer = await _viewer(db, found, READ_SCOPES, session_id=session.id)
    return replace(viewer, impersonator=actor.account.name)


async def _viewer(
    db: AsyncSession,
    found: Person,
    scopes: frozenset[Scope],
    *,
    session_id: int | None = None,
    token_name: str = "",
) -> Viewer:
    """Only an administrator's credential that was made for it administers the site."""
    silence: Silence | None = None
    if not found.user.is_admin:
        scopes -= {Scope.ADMIN}
    if not (found.user.is_admin or found.user.is_moderator):
        scopes -= {Scope.MODERATION}
    if found.user.is_silenced:
        silence = await silence_of(db, found)
        scopes -= SILENCED_SCOPES | {Scope.MODERATION}
    return Viewer(
        user_id=found.account.id,
        name=found.account.name,
        is_admin=Scope.ADMIN in scopes,
        is_moderator=Scope.MODERATION in scopes,
        silence=silence,
        scopes=scopes,
        language=found.user.language,
        theme=found.user.theme,
        session_id=session_id,
        token_name=token_name,
        email_open=found.user.email_confirmed_at is None and not found.user.is_admin,
        organization_ids=await queries.organization_ids_of(db, found.account.id),
    )
