"""Passkeys: keys in people's devices that sign what this site asks, and nothing of another site."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog
from sqlalchemy.exc import IntegrityError

from app.accounts.queries import factors as queries
from app.accounts.schemas import Site, Step
from app.accounts.service import ceremonies
from app.accounts.service.factors import factor_added, factor_removed
from app.accounts.service.people import person
from app.accounts.tables import Passkey
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, InvalidError, NotFoundError, UnauthorizedError
from app.core.i18n import _
from app.core.security import sign

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Asked:
    """What a browser hands to the device, and the key with which its answer comes back."""

    key: str
    options: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What came back: the key, and the device's answer as JSON."""

    key: str
    credential: str


def _host(site: Site) -> str:
    return urlsplit(site.url).hostname or ""


def _origin(site: Site) -> str:
    parts = urlsplit(site.url)
    return f"{parts.scheme}://{parts.netloc}"


async def ask_for_new(db: AsyncSession, site: Site, user_id: int) -> Asked:
    """Return what a device needs to make a passkey for this person.

    Raises:
        ConflictError: there are too many.
    """
    import webauthn  # here and below: the library and what it needs take 5 MB
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    mine = await queries.passkeys_of(db, user_id)
    if len(mine) >= queries.MAX_PASSKEYS:
        raise ConflictError(_("You have as many passkeys as one person may have."))
    found = await person(db, user_id)
    options = webauthn.generate_registration_options(
        rp_id=_host(site),
        rp_name="Tuningfork",
        # Devices keep it: it tells one account from another, and nothing else about it.
        user_id=bytes.fromhex(sign(site.key, "passkey-user", str(user_id))),
        user_name=found.account.name,
        user_display_name=found.account.display_name or found.account.name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(one.credential_id) for one in mine],
    )
    return await _remember(db, Step.PASSKEY_NEW, user_id, options)


async def _remember(db: AsyncSession, step: Step, user_id: int | None, options: Any) -> Asked:
    import webauthn
    from webauthn.helpers import bytes_to_base64url

    challenge = bytes_to_base64url(options.challenge)
    key = await ceremonies.begin(db, step, user_id, challenge=challenge)
    return Asked(key, json.loads(webauthn.options_to_json(options)))


async def add_passkey(
    db: AsyncSession, site: Site, user_id: int, answer: Answer, name: str
) -> list[str]:
    """Keep a new passkey; return recovery codes if these are the first ones.

    Raises:
        GoneError: the answer came too late.
        InvalidError: it is not an answer to what was asked.
        ConflictError: the passkey is somebody's already.
    """
    import webauthn
    from webauthn.helpers import base64url_to_bytes

    ceremony = await ceremonies.take(db, Step.PASSKEY_NEW, answer.key)
    if ceremony.user_id != user_id:
        raise _not_understood()
    try:
        made = webauthn.verify_registration_response(
            credential=answer.credential,
            expected_challenge=base64url_to_bytes(ceremony.data["challenge"]),
            expected_rp_id=_host(site),
            expected_origin=_origin(site),
        )
    except _malformed() as error:
        raise _not_understood() from error
    passkey = Passkey(
        user_id=user_id,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        name=name or _("Passkey"),
    )
    try:
        async with db.begin_nested():
            db.add(passkey)
    except IntegrityError as error:
        raise ConflictError(_("This passkey is in use already.")) from error
    return await factor_added(db, site, user_id)


def _malformed() -> tuple[type[Exception], ...]:
    """Return what wrong answers of a browser, or of who plays one, make the library raise."""
    from webauthn.helpers.exceptions import WebAuthnException

    return (WebAuthnException, ValueError, KeyError, TypeError, AttributeError, RecursionError)


def _not_understood() -> InvalidError:
    return InvalidError(_("The answer of your device does not fit."), fix=_("Try once more."))


async def ask_for_proof(db: AsyncSession, site: Site) -> Asked:
    """Return what a device needs to prove whom one of its passkeys belongs to."""
    import webauthn
    from webauthn.helpers.structs import UserVerificationRequirement

    options = webauthn.generate_authentication_options(
        rp_id=_host(site), user_verification=UserVerificationRequirement.PREFERRED
    )
    return await _remember(db, Step.PASSKEY_PROOF, None, options)


async def prove(
    db: AsyncSession, site: Site, answer: Answer, *, second_for: int | None = None
) -> int:
    """Return the id of the person whose device answered.

    On its own a passkey signs in only if the device has made sure who holds it, by a finger or a
    code. As the second factor of `second_for`, whose password was right, holding it is enough.

    Raises:
        GoneError: the answer came too late.
        UnauthorizedError: it is no answer to what was asked, or of an unknown or suspended person.
    """
    import webauthn
    from webauthn.helpers import base64url_to_bytes

    ceremony = await ceremonies.take(db, Step.PASSKEY_PROOF, answer.key)
    passkey = await _passkey_of(db, answer.credential)
    if second_for is not None and passkey.user_id != second_for:
        raise _refused()
    try:
        proved = webauthn.verify_authentication_response(
            credential=answer.credential,
            expected_challenge=base64url_to_bytes(ceremony.data["challenge"]),
            expected_rp_id=_host(site),
            expected_origin=_origin(site),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=second_for is None,
        )
    except _malformed() as error:
        raise _refused() from error
    if (await person(db, passkey.user_id)).user.is_suspended:
        raise _refused()
    passkey.sign_count, passkey.last_used_at = proved.new_sign_count, now()
    await db.flush()
    return passkey.user_id


async def _passkey_of(db: AsyncSession, credential: str) -> Passkey:
    from webauthn.helpers import base64url_to_bytes

    try:
        credential_id = base64url_to_bytes(json.loads(credential)["id"])
    except _malformed() as error:
        raise _refused() from error
    found = await queries.passkey_by_credential(db, credential_id)
    if found is None:
        raise _refused()
    return found


def _refused() -> UnauthorizedError:
    return UnauthorizedError(_("This passkey does not sign in here."), code="wrong_credentials")


async def rename_passkey(db: AsyncSession, user_id: int, passkey_id: int, name: str) -> None:
    """Give a passkey another name.

    Raises:
        NotFoundError: the person has no such passkey.
    """
    found = await _own(db, user_id, passkey_id)
    found.name = name or found.name
    await db.flush()


async def remove_passkey(db: AsyncSession, site: Site, user_id: int, passkey_id: int) -> None:
    """Forget a passkey.

    Raises:
        NotFoundError: the person has no such passkey.
    """
    await db.delete(await _own(db, user_id, passkey_id))
    await db.flush()
    await factor_removed(db, site, user_id)


async def _own(db: AsyncSession, user_id: int, passkey_id: int) -> Passkey:
    found = await queries.passkey_by_id(db, user_id, passkey_id)
    if found is None:
        raise NotFoundError(_("You have no such passkey."))
    return found
