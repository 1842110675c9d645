"""Words and shapes of accounts: what other features see, what the API takes and gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from functools import total_ordering
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.core.security import READ_SCOPES, WRITE_SCOPES, Scope

DEFAULT_TOKEN_DAYS = 90
MAX_TOKEN_DAYS = 366

# First path segments the site uses or may use one day, and names that would mislead.
_RESERVED = """
_ .well-known about account accounts admin administrator advisor announcements api apps arena
ask assets auth
badge badges billing blog bounties bounty buckets cas chat collections comments compare
confirm contact cookies datasets
device discussions
docs download downloads errors events explore export favicon.ico feed feeds files fine-tune finetune
forgot-password keep-account
health healthz help home images import info inbox join jobs kernels lfs licenses live login logout
mail me metrics models moderation moderator new none notifications null oauth official organizations
orgs papers pictures posts preferences pricing privacy profile questions readyz recipes
reset-password resolve resolve-cache
robots.txt root runs search security session sessions settings setup sign-in sign-out sign-up signin
signout signup site sitemap.xml spaces staff static status stats storage support sweeps system tags
tasks teams templates terms token tokens topics trending try tutorials undefined upload uploads user
users v1 v2 verify-email webhooks welcome workers ws www xet
"""
RESERVED_NAMES = frozenset(_RESERVED.split())


class AccountKind(StrEnum):
    """Who stands behind a name."""

    USER = "user"
    ORGANIZATION = "organization"


@total_ordering
class Role(Enum):
    """What somebody may do with an owner's repositories; each role includes those before it.

    A contributor writes to the repositories they made themselves, a writer to all of them,
    and an administrator also changes members and settings.
    """

    NO_ACCESS = "no_access"
    READ = "read"
    CONTRIBUTOR = "contributor"
    WRITE = "write"
    ADMIN = "admin"

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Role):
            return NotImplemented
        order = list(Role)
        return order.index(self) < order.index(other)


MEMBER_ROLES = tuple(role for role in Role if role is not Role.NO_ACCESS)


class TokenRole(StrEnum):
    """The short word for a token's scopes, as Hugging Face clients know it."""

    READ = "read"
    WRITE = "write"
    FINE_GRAINED = "fineGrained"


class Decision(StrEnum):
    """What a person said to a program that wants to be let in."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"


class SignInMethod(StrEnum):
    """How a session began."""

    PASSWORD = "password"  # noqa: S105  # a way, not a secret
    TOTP = "totp"
    RECOVERY_CODE = "recovery_code"
    PASSKEY = "passkey"
    PROVIDER = "provider"


class LinkPurpose(StrEnum):
    """What opening a link in a letter does."""

    CONFIRM_EMAIL = "confirm_email"
    CHANGE_EMAIL = "change_email"
    RESET = "reset"
    KEEP_ACCOUNT = "keep_account"


class Step(StrEnum):
    """What a sign-in that is under way waits for."""

    SECOND_FACTOR = "second_factor"
    PASSKEY_NEW = "passkey_new"
    PASSKEY_PROOF = "passkey_proof"
    PROVIDER = "provider"
    PROVIDER_NAME = "provider_name"


@dataclass(frozen=True)
class Site:
    """What letters and secrets of accounts need to know of the site; `url` has no slash at end."""

    url: str
    sends_letters: bool
    key: str = field(repr=False)


ROLE_SCOPES: Mapping[TokenRole, frozenset[Scope]] = {
    TokenRole.READ: READ_SCOPES,
    TokenRole.WRITE: WRITE_SCOPES,
    TokenRole.FINE_GRAINED: frozenset(),
}


class Language(StrEnum):
    """Languages the site speaks; the empty one leaves it to the browser."""

    BROWSER = ""
    CHINESE = "zh-CN"
    ENGLISH = "en"


class Theme(StrEnum):
    """Colours of the pages."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True)
class AccountRef:
    """What every feature may know of an account."""

    id: int
    name: str
    kind: AccountKind
    display_name: str

    @property
    def label(self) -> str:
        """The name to show to people."""
        return self.display_name or self.name


class StandingKind(StrEnum):
    """What somebody may do no more: write, or come in at all."""

    SILENCED = "silenced"
    SUSPENDED = "suspended"


@dataclass(frozen=True)
class Measure:
    """What shall be taken from somebody, why, and until when; None: until it is lifted.

    `report_id` is the number of the report that led to it.
    """

    kind: StandingKind
    reason: str
    until: datetime | None = None
    by_id: int | None = None
    report_id: int | None = None


@dataclass(frozen=True)
class StandingView:
    """A measure that was taken; `is_over` once it was lifted or its end has passed."""

    id: int
    account_id: int
    kind: StandingKind
    reason: str
    since: datetime
    until: datetime | None
    is_over: bool
    report_id: int | None = None


@dataclass(frozen=True)
class PersonRef:
    """What those who write to a person need; an empty `language` is the site's own.

    Without `is_confirmed` nobody knows whose address it is.
    """

    id: int
    name: str
    email: str = field(repr=False)
    language: str
    is_suspended: bool
    is_confirmed: bool


@dataclass(frozen=True)
class NewUser:
    """What makes a person's account; the password is in the clear and is hashed at once.

    `is_trusted` when somebody who runs the site, or a provider it trusts, vouches for the e-mail
    address. Without a password the person signs in through another provider.
    """

    name: str
    email: str
    password: str | None = field(repr=False)
    is_admin: bool = False
    is_trusted: bool = False


@dataclass(frozen=True)
class Member:
    """A person in an organisation."""

    account: AccountRef
    role: Role
    since: datetime


@dataclass(frozen=True)
class Profile:
    """The public side of an account; `members` is empty for a person."""

    account: AccountRef
    about: str
    joined_at: datetime
    organizations: tuple[tuple[AccountRef, Role], ...] = ()
    members: tuple[Member, ...] = ()


class _In(BaseModel):
    """What a caller sends: unknown keys are refused, so nobody sets what is not theirs to set."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


ShortText = Annotated[str, Field(max_length=100)]
LongText = Annotated[str, Field(max_length=500)]


@dataclass(frozen=True)
class BlockView:
    """Somebody whom one hears nothing from, as the list of them shows it."""

    name: str
    label: str
    since: datetime


class BlockOut(BaseModel):
    """Somebody whom one hears nothing from."""

    model_config = ConfigDict(from_attributes=True)
    name: str
    since: datetime


class ProfileIn(_In):
    """What people say about themselves; a field that is left out stays as it is."""

    display_name: ShortText | None = None
    bio: LongText | None = None
    language: Language | None = None
    theme: Theme | None = None


class TokenIn(_In):
    """A new access token. Give `scopes` for a fine-grained one, else `role` decides them."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    role: Literal[TokenRole.READ, TokenRole.WRITE] = TokenRole.READ
    scopes: Annotated[list[Scope], Field(min_length=1)] | None = None
    expires_in_days: Annotated[int, Field(ge=1, le=MAX_TOKEN_DAYS)] = DEFAULT_TOKEN_DAYS


class TokenOut(_Out):
    """An access token as its owner sees it later: without the secret."""

    id: int
    name: str
    role: TokenRole
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class NewTokenOut(_Out):
    """The secret itself. It is shown in this answer and never again."""

    token: str


class OrganizationIn(_In):
    """A new organisation; whoever makes it is its first administrator."""

    name: str
    display_name: ShortText = ""
    description: LongText = ""
    default_private: bool = False


class OrganizationChange(_In):
    """New settings of an organisation; a field that is left out stays as it is."""

    display_name: ShortText | None = None
    description: LongText | None = None
    default_private: bool | None = None


class MemberIn(_In):
    """The role a member shall have; `no_access` ends the membership."""

    role: Role


class MemberOut(_Out):
    """A member and their role."""

    name: str
    display_name: str
    role: Role


class OrganizationOut(_Out):
    """An organisation; `role` is the caller's own."""

    name: str
    display_name: str
    description: str
    default_private: bool
    role: Role
    members: list[MemberOut]


class StandingOut(_Out):
    """A measure that is in force, as the person concerned sees it."""

    kind: StandingKind
    reason: str
    since: datetime
    until: datetime | None


class OrganizationItem(_Out):
    """An organisation in a list of one's own."""

    name: str
    display_name: str
    role: Role


class MeOut(_Out):
    """Who the caller is, and what the credential of this request allows."""

    id: int
    name: str
    display_name: str
    email: str
    bio: str
    language: str
    theme: str
    is_admin: bool
    is_moderator: bool
    standing: list[StandingOut]
    scopes: list[str]
    token_name: str
    organizations: list[OrganizationItem]
