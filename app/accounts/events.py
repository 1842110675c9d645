"""News from accounts."""

from dataclasses import dataclass

from app.accounts.schemas import AccountKind


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
