"""Job tokens: what one attempt of one job may show to the site.

`tfj_<job>_<attempt>_<expiry>_<signature>`. The signature says who the token was made for; whether
the attempt is still the current one is asked of the job's row each time.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.core.errors import UnauthorizedError
from app.core.i18n import _
from app.core.security import sign, verify

PREFIX = "tfj_"
# Longer than any attempt; a token dies with its attempt, the date only bounds a forgotten one.
LIFETIME = timedelta(days=14)
_PURPOSE = "job-token"
_FORM = re.compile(r"tfj_([0-9]{1,18})_([0-9]{1,9})_([0-9]{1,12})_([0-9a-f]{64})")


@dataclass(frozen=True)
class AttemptRef:
    """One attempt of one job: the fence that every write of a worker names."""

    job_id: int
    attempt: int


def new_job_token(key: str, ref: AttemptRef, now: datetime) -> str:
    """Return a token for `ref`, good until the attempt ends or `LIFETIME` has passed."""
    expires = int((now + LIFETIME).timestamp())
    message = f"{ref.job_id}_{ref.attempt}_{expires}"
    return f"{PREFIX}{message}_{sign(key, _PURPOSE, message)}"


def read_job_token(key: str, token: str, now: datetime) -> AttemptRef:
    """Return what `token` was made for.

    Raises:
        UnauthorizedError: it was not made by this site, or is too old.
    """
    match = _FORM.fullmatch(token)
    if match is None:
        raise _not_valid()
    job_id, attempt, expires, signature = match.groups()
    if not verify(key, _PURPOSE, f"{job_id}_{attempt}_{expires}", signature):
        raise _not_valid()
    if datetime.fromtimestamp(int(expires), UTC) < now:
        raise _not_valid()
    return AttemptRef(int(job_id), int(attempt))


def _not_valid() -> UnauthorizedError:
    return UnauthorizedError(_("This job token is not valid."))
