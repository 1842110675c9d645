"""Short-lived credentials of the protocol: addresses for one large file, tokens for Xet."""

import base64
import binascii
import json
import time
from dataclasses import asdict, dataclass
from typing import Any

from app.core.errors import ForbiddenError, UnauthorizedError
from app.core.security import sign, verify

# How long what opens something lives. Clients ask again for all of these when they have ended.
READ_LIFETIME_S = 5 * 60
WRITE_LIFETIME_S = 15 * 60


@dataclass(frozen=True)
class Grant:
    """What a credential allows: one person, one repository, one action, for a while.

    `sha256` and `size` bind it to one large file; they are empty for a Xet token. `narrow` says
    that it was made for a credential which sees some repositories only. With a `bucket_id` it is
    for that bucket, and for no repository.
    """

    action: str
    user_id: int
    repository_id: int
    expires: int
    sha256: str = ""
    size: int = 0
    narrow: bool = False
    bucket_id: int = 0


@dataclass(frozen=True)
class BytesGrant:
    """What an address of stored bytes allows: these of one object, for a while, to who has it."""

    key: str
    start: int
    end: int
    expires: int


def issue(key: str, grant: Grant) -> str:
    """Return a credential for `grant`."""
    return _sealed(key, "hfapi-grant", asdict(grant))


def issue_bytes(key: str, grant: BytesGrant) -> str:
    """Return the credential inside an address of stored bytes."""
    return _sealed(key, "hfapi-bytes", asdict(grant))


def _sealed(key: str, purpose: str, fields: dict[str, object]) -> str:
    body = base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")
    return f"{body}.{sign(key, purpose, body)}"


def read(key: str, credential: str, action: str) -> Grant:
    """Return what a credential allows.

    Raises:
        UnauthorizedError: it was not made here, has expired, or is for another action.
    """
    grant = Grant(**_opened(key, "hfapi-grant", credential))
    if grant.action != action or grant.expires < time.time():
        raise _refused()
    return grant


def read_bytes(key: str, credential: str) -> BytesGrant:
    """Return which bytes an address allows.

    Raises:
        UnauthorizedError: it was not made here.
        ForbiddenError: it has ended; as a store of objects says it, so that a client asks again.
    """
    grant = BytesGrant(**_opened(key, "hfapi-bytes", credential))
    if grant.expires < time.time():
        raise ForbiddenError("This address has ended: ask for another one.", code="address_ended")
    return grant


def _opened(key: str, purpose: str, credential: str) -> dict[str, Any]:
    body, _dot, signature = credential.partition(".")
    if not verify(key, purpose, body, signature):
        raise _refused()
    try:
        fields: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (binascii.Error, ValueError) as error:
        raise _refused() from error
    return fields


def expiry(lifetime_s: int) -> int:
    """Return when a credential made now ends, in seconds since 1970."""
    return int(time.time()) + lifetime_s


def _refused() -> UnauthorizedError:
    return UnauthorizedError("This credential is not valid or has expired.", code="bad_grant")
