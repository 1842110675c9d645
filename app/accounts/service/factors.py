"""Second factors: the authenticator app, and the ten codes for when everything else is lost.

Any passkey or confirmed app means that a password alone does not sign in. A code of the app works
once: the time step of the last one is kept, and only later ones are taken.
"""

import hmac
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pyotp
import structlog

from app.accounts.queries import factors as queries
from app.accounts.schemas import SignInMethod, Site
from app.accounts.service.confirming import mark_confirmed
from app.accounts.service.letters import tell
from app.accounts.service.people import person
from app.accounts.tables import Passkey, RecoveryCode, Totp
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, Detail, InvalidError, NotFoundError
from app.core.i18n import _
from app.core.sealing import seal, unseal
from app.core.security import Viewer, sign

log = structlog.get_logger(__name__)

NUM_CODES = 10
_STEP_S = 30
# Clocks differ, and people type slowly: the code before and after count too.
_AROUND = (0, -1, 1)
# No letters and digits that look alike.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_PURPOSE = "totp"


@dataclass(frozen=True)
class Factors:
    """What a person has besides a password."""

    totp: bool
    passkeys: Sequence[Passkey]
    codes_left: int

    @property
    def any(self) -> bool:
        """Whether a password alone does not sign in."""
        return self.totp or bool(self.passkeys)


async def factors_of(db: AsyncSession, user_id: int) -> Factors:
    """Return the person's second factors."""
    totp = await queries.totp_of(db, user_id)
    return Factors(
        totp=totp is not None and totp.confirmed_at is not None,
        passkeys=await queries.passkeys_of(db, user_id),
        codes_left=await queries.count_recovery_codes(db, user_id),
    )


async def begin_totp(db: AsyncSession, site: Site, user_id: int) -> None:
    """Make a secret for an authenticator app; it counts once a code of it was typed in.

    Raises:
        ConflictError: there is an app already.
    """
    existing = await queries.totp_of(db, user_id)
    if existing is not None and existing.confirmed_at is not None:
        raise ConflictError(_("There is an authenticator app already. Remove it first."))
    if existing is None:
        sealed = seal(site.key, _PURPOSE, pyotp.random_base32())
        db.add(Totp(user_id=user_id, secret=sealed))
        await db.flush()


async def waiting_totp(db: AsyncSession, site: Site, user_id: int) -> tuple[str, str]:
    """Return the secret that waits for its first code, and the address for the app.

    Raises:
        NotFoundError: none does.
    """
    totp = await queries.totp_of(db, user_id)
    secret = unseal(site.key, _PURPOSE, totp.secret) if totp and not totp.confirmed_at else None
    if secret is None:
        raise NotFoundError(_("No authenticator app waits to be added."))
    name = (await person(db, user_id)).account.name
    host = site.url.split("://")[-1]
    return secret, pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=f"Tuningfork {host}")


async def confirm_totp(db: AsyncSession, site: Site, user_id: int, code: str) -> list[str]:
    """Take the first code of a new app; return recovery codes if these are the first ones.

    Raises:
        InvalidError: the code does not fit.
        NotFoundError: no app waits.
    """
    totp = await queries.totp_of(db, user_id)
    if totp is None or totp.confirmed_at is not None:
        raise NotFoundError(_("No authenticator app waits to be added."))
    if not await _uses_totp(db, site, totp, code):
        raise wrong_code()
    totp.confirmed_at = now()
    await db.flush()
    return await factor_added(db, site, user_id)


async def remove_totp(db: AsyncSession, site: Site, user_id: int) -> None:
    """Forget the app."""
    await queries.delete_totp(db, user_id)
    await factor_removed(db, site, user_id)


async def factor_added(db: AsyncSession, site: Site, user_id: int) -> list[str]:
    """Tell the person; return fresh recovery codes where there were none."""
    await tell(db, site, await person(db, user_id), "factor_added")
    log.info("factor_added", user_id=user_id)
    if await queries.count_recovery_codes(db, user_id):
        return []
    return await make_codes(db, site, user_id)


async def factor_removed(db: AsyncSession, site: Site, user_id: int) -> None:
    """Tell the person; without any factor there is nothing to recover."""
    if not (await factors_of(db, user_id)).any:
        await queries.delete_recovery_codes(db, user_id)
    await tell(db, site, await person(db, user_id), "factor_removed")
    log.info("factor_removed", user_id=user_id)


async def make_codes(db: AsyncSession, site: Site, user_id: int) -> list[str]:
    """Return ten new recovery codes, which can be shown this once; older ones end."""
    await queries.delete_recovery_codes(db, user_id)
    codes = [_new_code() for _n in range(NUM_CODES)]
    db.add_all(
        RecoveryCode(user_id=user_id, code_hash=_code_hash(site, user_id, code)) for code in codes
    )
    await db.flush()
    log.info("recovery_codes_made", user_id=user_id)
    return codes


def _new_code() -> str:
    letters = "".join(secrets.choice(_ALPHABET) for _n in range(10))
    return f"{letters[:5]}-{letters[5:]}"


def _code_hash(site: Site, user_id: int, code: str) -> str:
    letters = "".join(c for c in code.lower() if c.isalnum())
    return sign(site.key, "recovery-code", f"{user_id}:{letters}")


async def check_code(db: AsyncSession, site: Site, user_id: int, code: str) -> SignInMethod:
    """Use up a code of the app, or a recovery code, and say which it was.

    Raises:
        InvalidError: it is neither, or was used before.
    """
    totp = await queries.totp_of(db, user_id)
    if totp and totp.confirmed_at and await _uses_totp(db, site, totp, code):
        return SignInMethod.TOTP
    if await queries.use_recovery_code(db, user_id, _code_hash(site, user_id, code)):
        await tell(db, site, await person(db, user_id), "recovery_code_used")
        log.info("recovery_code_used", user_id=user_id)
        return SignInMethod.RECOVERY_CODE
    log.info("second_factor_refused", user_id=user_id)
    raise wrong_code()


async def confirm_by_code(db: AsyncSession, site: Site, viewer: Viewer, code: str) -> None:
    """Accept a code as proof for this browser's session.

    Raises:
        InvalidError: it does not fit, or was used before.
    """
    await check_code(db, site, viewer.require_user(), code)
    await mark_confirmed(db, viewer)


def wrong_code() -> InvalidError:
    """Return the answer to a code that does not fit."""
    problem = _("This code does not fit, or was used before.")
    return InvalidError(problem, code="wrong_code", details=[Detail("code", problem)])


async def _uses_totp(db: AsyncSession, site: Site, totp: Totp, code: str) -> bool:
    secret = unseal(site.key, _PURPOSE, totp.secret)
    digits = code.replace(" ", "")
    if secret is None or not digits.isascii():
        return False
    generator, current = pyotp.TOTP(secret), int(time.time()) // _STEP_S
    for around in _AROUND:
        step = current + around
        if hmac.compare_digest(generator.generate_otp(step), digits):
            return await queries.use_totp_step(db, totp.user_id, step)
    return False


async def reset_factors(db: AsyncSession, site: Site, user_id: int) -> None:
    """Take every second factor away, for somebody who lost them all."""
    await queries.delete_totp(db, user_id)
    await queries.delete_passkeys(db, user_id)
    await factor_removed(db, site, user_id)
