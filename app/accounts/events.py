"""News from accounts."""

from dataclasses import dataclass
from datetime import datetime

from app.accounts.schemas import AccountKind, StandingKind


@dataclass(frozen=True)
class AccountCreated:
    """A person signed up, or an organisation was made."""

    account_id: int
    kind: AccountKind


@dataclass(frozen=True)
class SignedOut:
    """One or more sessions of a person ended."""

    user_id: int


@dataclass(frozen=True)
class MembershipChanged:
    """Somebody joined or left an organisation, or has another role in it."""

    organization_id: int
    user_id: int


@dataclass(frozen=True)
class StandingChanged:
    """Somebody was silenced or suspended, or it was lifted before its end (`lifted`)."""

    account_id: int
    standing_id: int
    kind: StandingKind
    reason: str
    until: datetime | None
    lifted: bool


@dataclass(frozen=True)
class ReportDecided:
    """The moderators looked at what somebody reported; `agreed`, `disagreed` or `ignored`."""

    reporter_id: int
    report_id: int
    outcome: str
