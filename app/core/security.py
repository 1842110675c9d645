"""Who asks, and what their credential allows: the words every permission check is made of."""

import hashlib
import hmac
import secrets
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.core.errors import ForbiddenError, UnauthorizedError
from app.core.i18n import _


class Scope(StrEnum):
    """What a credential may be used for. A browser session holds all of them."""

    REPOS_READ = "repos:read"
    REPOS_WRITE = "repos:write"
    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    COMMUNITY_WRITE = "community:write"
    ACCOUNT = "account"
    MODERATION = "moderation"
    ADMIN = "admin"


READ_SCOPES = frozenset({Scope.REPOS_READ, Scope.JOBS_READ})
WRITE_SCOPES = READ_SCOPES | {Scope.REPOS_WRITE, Scope.JOBS_WRITE, Scope.COMMUNITY_WRITE}
# What somebody who was silenced may not do, by whatever credential.
SILENCED_SCOPES = frozenset({Scope.REPOS_WRITE, Scope.COMMUNITY_WRITE})
ALL_SCOPES = frozenset(Scope)


@dataclass(frozen=True)
class Silence:
    """Why somebody may only read for a while; without `until`, until it is lifted."""

    reason: str
    until: datetime | None = None

    def error(self) -> ForbiddenError:
        """Return what every door says to somebody who may not write."""
        if self.until is None:
            message = _("You may read here, but not write: %(reason)s") % {"reason": self.reason}
        else:
            message = _("You may read here, but not write before %(until)s: %(reason)s") % {
                "until": f"{self.until:%Y-%m-%d %H:%M} UTC",
                "reason": self.reason,
            }
        fix = _("Settings, Standing shows the decision, and takes an appeal.")
        return ForbiddenError(message, fix=fix, code="silenced")


@dataclass(frozen=True)
class Viewer:
    """The person, or the job acting for a person, behind one request.

    `user_id` is None for a visitor who is not signed in. A job token names in `only_repos` the
    repositories it may touch, so that a worker sees no more than its job needs.
    """

    user_id: int | None = None
    name: str = ""
    is_admin: bool = False
    is_moderator: bool = False
    silence: Silence | None = None
    scopes: frozenset[Scope] = READ_SCOPES
    language: str = ""
    theme: str = ""
    session_id: int | None = None
    token_name: str = ""
    only_repos: frozenset[int] | None = None
    organization_ids: frozenset[int] = field(default_factory=frozenset)
    # When this browser last proved who sits before it; None for programs and visitors.
    confirmed_at: datetime | None = None
    # The site sends letters and this person has not opened theirs: nothing may be written.
    email_open: bool = False
    # The administrator who sees the site as this person does; nothing can be changed then.
    impersonator: str = ""

    @property
    def is_signed_in(self) -> bool:
        """Whether there is an account behind this request."""
        return self.user_id is not None

    def may_steer(self, owner_id: int) -> bool:
        """Whether something of one person is theirs, or they administer the site."""
        return self.user_id is not None and (self.user_id == owner_id or self.is_admin)

    def require_user(self) -> int:
        """Return the user's id.

        Raises:
            UnauthorizedError: nobody is signed in.
        """
        if self.user_id is None:
            raise UnauthorizedError("Sign in first.", fix="Sign in, or send an access token.")
        return self.user_id

    def require_scope(self, scope: Scope) -> None:
        """Pass only if this credential was made for `scope`.

        Raises:
            ForbiddenError: the token's scopes do not include it, or its owner was silenced.
        """
        if self.impersonator and scope not in self.scopes:
            raise ForbiddenError(
                _("You see the site as %(name)s: nothing can be changed.") % {"name": self.name},
                fix=_("End it first; the banner at the top does that."),
                code="impersonating",
            )
        if self.email_open and scope in WRITE_SCOPES - READ_SCOPES:
            raise ForbiddenError(
                _("Confirm your e-mail address first."),
                fix=_("Open the link in the letter; Settings, E-mail sends it again."),
                code="email_not_confirmed",
            )
        if scope in SILENCED_SCOPES and self.silence is not None:
            raise self.silence.error()
        if scope is Scope.MODERATION and scope not in self.scopes and self.session_id is not None:
            raise ForbiddenError(_("Only moderators may do this."), code="not_a_moderator")
        if scope not in self.scopes:
            raise ForbiddenError(
                f"This token does not have the scope {scope.value}.",
                fix="Make a token with that scope under Settings, Access tokens.",
                code="missing_scope",
            )


ANONYMOUS = Viewer()


def new_token(prefix: str) -> str:
    """Return a fresh secret: prefix, 160 random bits, and a checksum that finds typing errors."""
    body = secrets.token_hex(20)
    return f"{prefix}_{body}{zlib.crc32(body.encode()) & 0xFFFFFFFF:08x}"


def token_hash(token: str) -> bytes:
    """Return what is stored of a token; tokens are random, so a plain sha256 is enough."""
    return hashlib.sha256(token.encode()).digest()


def sign(key: str, purpose: str, message: str) -> str:
    """Return an HMAC-SHA256 over `message`, in hex; `purpose` keeps uses of one key apart."""
    return hmac.new(key.encode(), f"{purpose}\0{message}".encode(), hashlib.sha256).hexdigest()


def verify(key: str, purpose: str, message: str, signature: str) -> bool:
    """Whether `signature` was made by `sign` with the same key, purpose and message."""
    expected = sign(key, purpose, message)
    # As bytes: of strings, only ASCII can be compared so, and strangers write what they like.
    return hmac.compare_digest(expected.encode(), signature.encode(errors="replace"))
