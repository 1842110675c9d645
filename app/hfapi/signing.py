"""Short-lived credentials of the protocol: addresses for one large file, tokens for Xet."""

import base64
import binascii
import json
import time
from dataclasses import asdict, dataclass

from app.core.errors import UnauthorizedError
from app.core.security import sign, verify

LIFETIME_S = 3600


@dataclass(frozen=True)
class Grant:
    """What a credential allows: one person, one repository, one action, for a while.

    `sha256` and `size` bind it to one large file; they are empty for a Xet token.
    """

    action: str
    user_id: int
    repository_id: int
    expires: int
    sha256: str = ""
    size: int = 0


def issue(key: str, grant: Grant) -> str:
    """Return a credential for `grant`."""
    body = base64.urlsafe_b64encode(json.dumps(asdict(grant)).encode()).decode().rstrip("=")
    return f"{body}.{sign(key, 'hfapi-grant', body)}"


def read(key: str, credential: str, action: str) -> Grant:
    """Return what a credential allows.

    Raises:
        UnauthorizedError: it was not made here, has expired, or is for another action.
    """
    body, _dot, signature = credential.partition(".")
    if not verify(key, "hfapi-grant", body, signature):
        raise _refused()
    try:
        grant = Grant(**json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))
    except (binascii.Error, TypeError, ValueError) as error:
        raise _refused() from error
    if grant.action != action or grant.expires < time.time():
        raise _refused()
    return grant


def expiry() -> int:
    """Return when a credential made now ends, in seconds since 1970."""
    return int(time.time()) + LIFETIME_S


def _refused() -> UnauthorizedError:
    return UnauthorizedError("This credential is not valid or has expired.", code="bad_grant")
