"""Letting a program in without a password: it shows a code, a person confirms it here (RFC 8628).

The program polls with a secret of its own. What it gets is an ordinary access token of the
person, listed and revocable with the others, and a refresh token that lives and dies with it.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.accounts import queries
from app.accounts.schemas import Decision, TokenRole
from app.accounts.service.access_tokens import PREFIX, create_token
from app.accounts.tables import AccessToken, DeviceLogin, RefreshToken
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import BadRequestError, NotFoundError
from app.core.i18n import _
from app.core.security import Viewer, new_token, sign, token_hash

log = structlog.get_logger(__name__)

CODE_LIFETIME = timedelta(minutes=15)
INTERVAL_S = 5
ACCESS_LIFETIME = timedelta(days=30)
REFRESH_LIFETIME = timedelta(days=90)
# Two processes may renew at the same moment; later than that a used token is a stolen one.
_REUSE_GRACE = timedelta(minutes=1)
_KEEP_ENDED = timedelta(days=1)
_MAX_TEXT = 200
# No vowels and no digits: no words by accident, and nothing that looks alike (RFC 8628, 6.1).
_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
_CODE_LENGTH = 8


class OAuthError(BadRequestError):
    """A refusal in the words of OAuth; `code` is what programs read."""


@dataclass(frozen=True)
class Asked:
    """Who asks to be let in; everything but the address is the program's own word."""

    client_id: str
    user_agent: str
    address: str


@dataclass(frozen=True)
class DeviceCodes:
    """The program's secret, and the code that it shows."""

    device_code: str
    user_code: str
    interval_s: int = INTERVAL_S
    lifetime: timedelta = CODE_LIFETIME


@dataclass(frozen=True)
class Issued:
    """A fresh pair of secrets; neither can be had again."""

    access_token: str
    refresh_token: str
    expires_at: datetime
    scopes: tuple[str, ...]


async def ask_for_login(db: AsyncSession, key: str, asked: Asked) -> DeviceCodes:
    """Note that a program wants to be let in; `key` is the site's own secret."""
    await queries.delete_old_device_logins(db, now() - _KEEP_ENDED)
    letters = "".join(secrets.choice(_ALPHABET) for _n in range(_CODE_LENGTH))
    codes = DeviceCodes(new_token("tfd"), f"{letters[:4]}-{letters[4:]}")
    db.add(
        DeviceLogin(
            device_hash=token_hash(codes.device_code),
            user_code_hash=_code_hash(key, codes.user_code),
            client_id=_printable(asked.client_id),
            user_agent=_printable(asked.user_agent),
            address=_printable(asked.address),
            interval_s=INTERVAL_S,
            expires_at=now() + CODE_LIFETIME,
        )
    )
    await db.flush()
    return codes


def _code_hash(key: str, user_code: str) -> str:
    """Keyed, because the codes are short enough to try them all against a plain hash."""
    letters = "".join(c for c in user_code.upper() if c.isalpha())
    return sign(key, "device-user-code", letters)


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())[:_MAX_TEXT]


async def waiting_login(db: AsyncSession, key: str, user_code: str) -> DeviceLogin:
    """Return the program that shows this code.

    Raises:
        NotFoundError: none does, or it was decided already, or the code has ended.
    """
    found = await queries.open_device_login(db, _code_hash(key, user_code))
    if found is None:
        raise NotFoundError(
            _("No program waits with this code."),
            fix=_("Look at the code again; it ends after 15 minutes and works once."),
        )
    return found


async def decide(
    db: AsyncSession, viewer: Viewer, login: DeviceLogin, role: TokenRole | None
) -> None:
    """Write down the person's answer: `role` is what they allow, None is no."""
    login.user_id = viewer.require_user()
    login.role = role
    login.decision = Decision.DENIED if role is None else Decision.APPROVED
    await db.flush()
    log.info("device_login_decided", user_id=login.user_id, decision=login.decision.value)


async def poll(db: AsyncSession, client_id: str, device_code: str) -> Issued | OAuthError:
    """Return the tokens once a person has said yes, else why not (yet).

    The refusal is returned and not raised: that a program asked too soon must be kept.
    """
    login = await queries.device_login_by_device(db, token_hash(device_code))
    if login is None or login.client_id != _printable(client_id):
        return OAuthError("This device code is not known or was used.", code="invalid_grant")
    refusal = _refusal(login)
    if refusal is not None:
        return refusal
    issued = await _issue(db, login)
    await db.delete(login)
    await db.flush()
    return issued


def _refusal(login: DeviceLogin) -> OAuthError | None:
    moment = now()
    earliest = timedelta(seconds=login.interval_s - 1)
    hurried = login.polled_at is not None and moment < login.polled_at + earliest
    login.polled_at = moment
    if login.expires_at <= moment:
        return OAuthError("The code has ended; start again.", code="expired_token")
    if login.decision is Decision.DENIED:
        return OAuthError("The person said no.", code="access_denied")
    if hurried:
        login.interval_s += INTERVAL_S
        return OAuthError(f"Ask every {login.interval_s} seconds.", code="slow_down")
    if login.decision is Decision.PENDING:
        return OAuthError("Nobody has answered yet.", code="authorization_pending")
    return None


async def _issue(db: AsyncSession, login: DeviceLogin) -> Issued:
    name = f"device-login-{login.created_at:%Y%m%d}-{login.id}-{secrets.token_hex(2)}"
    expires_at = now() + ACCESS_LIFETIME
    access = await create_token(
        db, login.user_id or 0, name, login.role or TokenRole.READ, expires_at
    )
    token = await queries.access_token_by_hash(db, token_hash(access))
    if token is None:
        raise OAuthError("The person's account has gone.", code="access_denied")
    refresh = new_token("tfr")
    db.add(
        RefreshToken(
            token_id=token.id,
            client_id=login.client_id,
            token_hash=token_hash(refresh),
            expires_at=now() + REFRESH_LIFETIME,
        )
    )
    await db.flush()
    return Issued(access, refresh, expires_at, tuple(token.scopes))


async def renew(db: AsyncSession, client_id: str, refresh_token: str) -> Issued | OAuthError:
    """Exchange a refresh token for a fresh pair; the old pair is worth nothing afterwards.

    A refresh token that was used before ends the login: one of its two holders is a thief.
    """
    found = await queries.refresh_token_by_hash(db, token_hash(refresh_token))
    refusal = OAuthError("This refresh token is not valid.", code="invalid_grant")
    if found is None:
        return refusal
    refresh, token = found
    if refresh.token_hash != token_hash(refresh_token):
        await _end_if_stolen(db, refresh, token)
        return refusal
    person = await queries.person_by_id(db, token.user_id)
    if person is None or person.user.is_suspended or refresh.expires_at <= now():
        return refusal
    if refresh.client_id != _printable(client_id):
        return refusal
    return await _rotate(db, refresh, token)


async def _end_if_stolen(db: AsyncSession, refresh: RefreshToken, token: AccessToken) -> None:
    if refresh.rotated_at > now() - _REUSE_GRACE:
        return
    log.warning("refresh_token_reused", user_id=token.user_id, token_id=token.id)
    await queries.delete_access_token(db, token.user_id, token.id)


async def _rotate(db: AsyncSession, refresh: RefreshToken, token: AccessToken) -> Issued:
    access, fresh = new_token(PREFIX), new_token("tfr")
    token.token_hash = token_hash(access)
    token.expires_at = now() + ACCESS_LIFETIME
    refresh.previous_hash, refresh.token_hash = refresh.token_hash, token_hash(fresh)
    refresh.rotated_at, refresh.expires_at = now(), now() + REFRESH_LIFETIME
    await db.flush()
    return Issued(access, fresh, token.expires_at, tuple(token.scopes))
