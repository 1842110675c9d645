"""People, organisations, and the credentials that stand for them."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Text,
    false,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.schemas import (
    AccountKind,
    Decision,
    LinkPurpose,
    Role,
    SignInMethod,
    StandingKind,
    Step,
    TokenRole,
)
from app.core.clock import now
from app.core.db import Base
from app.core.sql import by_value


class Account(Base):
    """A name that can own repositories: a person's or an organisation's.

    `name` is kept as typed; `name_key` decides whether two names are the same.
    """

    __tablename__ = "accounts_account"
    __table_args__ = (
        Index("ix_accounts_account_changed", "changed_at", "id"),
        Index(
            "ix_accounts_account_prefix",
            "name_key",
            postgresql_ops={"name_key": "text_pattern_ops"},
        ),
        Index(
            "ix_accounts_account_display",
            literal_column("lower(display_name)").label("start"),
            postgresql_ops={"start": "text_pattern_ops"},
            postgresql_where=text("display_name <> ''"),
        ),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(Text, unique=True)
    kind: Mapped[AccountKind] = mapped_column(by_value(AccountKind))
    display_name: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    # When what everybody may read of it changed last.
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now(), default_factory=now)


class User(Base):
    """What only a person has. Empty `language` and `theme` mean: as the browser says.

    `suspended_at` set means: no credential of theirs is accepted until `suspended_until`, for
    good without it, and what they own stays. `silenced_at` likewise: they may only read.
    """

    __tablename__ = "accounts_user"
    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_account.id", ondelete="CASCADE"), primary_key=True
    )
    email: Mapped[str] = mapped_column(Text)
    email_key: Mapped[str] = mapped_column(Text, unique=True)
    password_hash: Mapped[str] = mapped_column(Text, repr=False)
    is_admin: Mapped[bool] = mapped_column(default=False)
    bio: Mapped[str] = mapped_column(Text, default="")
    language: Mapped[str] = mapped_column(Text, default="")
    theme: Mapped[str] = mapped_column(Text, default="")
    suspended_at: Mapped[datetime | None] = mapped_column(default=None)
    email_confirmed_at: Mapped[datetime | None] = mapped_column(default=None)
    # The person asked to be forgotten; until this moment they may change their mind.
    erased_from: Mapped[datetime | None] = mapped_column(default=None, index=True)
    erased_at: Mapped[datetime | None] = mapped_column(default=None)
    suspended_until: Mapped[datetime | None] = mapped_column(default=None)
    silenced_at: Mapped[datetime | None] = mapped_column(default=None)
    silenced_until: Mapped[datetime | None] = mapped_column(default=None)
    is_moderator: Mapped[bool] = mapped_column(server_default=false(), default=False)

    @property
    def has_password(self) -> bool:
        """Whether there is a password at all; who came from another provider has none."""
        return bool(self.password_hash)

    @property
    def is_suspended(self) -> bool:
        """Whether no credential of theirs is accepted now."""
        return _holds(self.suspended_at, self.suspended_until)

    @property
    def is_silenced(self) -> bool:
        """Whether they may only read now."""
        return _holds(self.silenced_at, self.silenced_until)


def _holds(since: datetime | None, until: datetime | None) -> bool:
    return since is not None and (until is None or until > now())


class Standing(Base):
    """A measure against a person: what, why, until when, by whom and after which report."""

    __tablename__ = "accounts_standing"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_user.account_id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[StandingKind] = mapped_column(by_value(StandingKind))
    reason: Mapped[str] = mapped_column(Text)
    until: Mapped[datetime | None]
    by_id: Mapped[int | None] = mapped_column(
        ForeignKey("accounts_user.account_id", ondelete="SET NULL")
    )
    report_id: Mapped[int | None] = mapped_column(BigInteger)
    since: Mapped[datetime] = mapped_column(default_factory=now)
    lifted_at: Mapped[datetime | None] = mapped_column(default=None)
    lifted_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("accounts_user.account_id", ondelete="SET NULL"), default=None
    )


class Organization(Base):
    """What only an organisation has. `default_private` is how its new repositories start."""

    __tablename__ = "accounts_organization"
    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_account.id", ondelete="CASCADE"), primary_key=True
    )
    default_private: Mapped[bool] = mapped_column(default=False)
    description: Mapped[str] = mapped_column(Text, default="")


class Membership(Base):
    """One person's role in one organisation; it is read live, so a change counts at once."""

    __tablename__ = "accounts_membership"
    organization_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_organization.account_id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_user.account_id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[Role] = mapped_column(by_value(Role))
    created_at: Mapped[datetime] = mapped_column(default_factory=now)


class LoginSession(Base):
    """A signed-in browser. It ends 12 hours after `last_seen_at`, or at `expires_at`.

    `confirmed_at` is when the person last proved who they are: dangerous acts need it fresh.
    """

    __tablename__ = "accounts_session"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_user.account_id", ondelete="CASCADE"), index=True
    )
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True, repr=False)
    expires_at: Mapped[datetime]
    user_agent: Mapped[str] = mapped_column(Text, default="")
    address: Mapped[str] = mapped_column(Text, default="", server_default="")
    method: Mapped[SignInMethod] = mapped_column(
        by_value(SignInMethod),
        default=SignInMethod.PASSWORD,
        server_default=SignInMethod.PASSWORD.value,
    )
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    last_seen_at: Mapped[datetime] = mapped_column(default_factory=now)
    confirmed_at: Mapped[datetime | None] = mapped_column(default=None)
    # The administrator who looks at the site as this person, and who is told so on every page.
    impersonated_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("accounts_user.account_id", ondelete="CASCADE"), default=None
    )


class AccessToken(Base):
    """A credential for programs; only its sha256 is kept. `name` is unique for one person."""

    __tablename__ = "accounts_token"
    __table_args__ = (Index("uq_accounts_token_user_id_name", "user_id", "name", unique=True),)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    user_id: Mapped[int] = mapped_column(ForeignKey("accounts_user.account_id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True, repr=False)
    role: Mapped[TokenRole] = mapped_column(by_value(TokenRole))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)


class SetupLink(Base):
    """A one-time link that makes the first administrator; only its sha256 is kept."""

    __tablename__ = "accounts_setup_link"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True, repr=False)
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    used_at: Mapped[datetime | None] = mapped_column(default=None)


class DeviceLogin(Base):
    """A program that waits for a person to let it in; gone once its token was handed out.

    Both codes are kept as hashes. `user_id` is who decided, `role` what they allow.
    """

    __tablename__ = "accounts_device_login"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    device_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True, repr=False)
    user_code_hash: Mapped[str] = mapped_column(Text, unique=True, repr=False)
    client_id: Mapped[str] = mapped_column(Text)
    user_agent: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    interval_s: Mapped[int]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    polled_at: Mapped[datetime | None] = mapped_column(default=None)
    decision: Mapped[Decision] = mapped_column(by_value(Decision), default=Decision.PENDING)
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("accounts_user.account_id", ondelete="CASCADE"), default=None
    )
    role: Mapped[TokenRole | None] = mapped_column(by_value(TokenRole), default=None)


class RefreshToken(Base):
    """What renews an access token; it ends with it, so revoking that one ends both.

    `previous_hash` is the one used last: seen again later, somebody has stolen a copy.
    """

    __tablename__ = "accounts_refresh_token"
    token_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_token.id", ondelete="CASCADE"), primary_key=True
    )
    client_id: Mapped[str] = mapped_column(Text)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True, repr=False)
    expires_at: Mapped[datetime]
    rotated_at: Mapped[datetime] = mapped_column(default_factory=now)
    previous_hash: Mapped[bytes | None] = mapped_column(
        LargeBinary, unique=True, repr=False, default=None
    )


class OneTimeLink(Base):
    """A link in a letter; only its sha256 is kept, and the row stays when it was used.

    `email` is the address that opening it proves.
    """

    __tablename__ = "accounts_link"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_user.account_id", ondelete="CASCADE"), index=True
    )
    purpose: Mapped[LinkPurpose] = mapped_column(by_value(LinkPurpose))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True, repr=False)
    email: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    used_at: Mapped[datetime | None] = mapped_column(default=None)


class Totp(Base):
    """A person's authenticator app. `last_step` is the time step of the last code that worked."""

    __tablename__ = "accounts_totp"
    user_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_user.account_id", ondelete="CASCADE"), primary_key=True
    )
    secret: Mapped[bytes] = mapped_column(LargeBinary, repr=False)
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    confirmed_at: Mapped[datetime | None] = mapped_column(default=None)


class RecoveryCode(Base):
    """One of ten codes that stand in for a lost second factor; kept as a keyed hash."""

    __tablename__ = "accounts_recovery_code"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_user.account_id", ondelete="CASCADE"), index=True
    )
    code_hash: Mapped[str] = mapped_column(Text, repr=False)
    used_at: Mapped[datetime | None] = mapped_column(default=None)


class Passkey(Base):
    """A key that lies in a person's device; what is kept here is public."""

    __tablename__ = "accounts_passkey"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_user.account_id", ondelete="CASCADE"), index=True
    )
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True, repr=False)
    public_key: Mapped[bytes] = mapped_column(LargeBinary, repr=False)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)


class ExternalIdentity(Base):
    """Who a person is at another provider: `issuer` and `subject` say it, an e-mail never does."""

    __tablename__ = "accounts_identity"
    __table_args__ = (
        Index("uq_accounts_identity_issuer_subject", "issuer", "subject", unique=True),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_user.account_id", ondelete="CASCADE"), index=True
    )
    issuer: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    label: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)


class Ceremony(Base):
    """What the site remembers between two steps of a sign-in; a cookie holds the key to it.

    Used once: whoever comes with the key takes the row away.
    """

    __tablename__ = "accounts_ceremony"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True, repr=False)
    step: Mapped[Step] = mapped_column(by_value(Step))
    expires_at: Mapped[datetime] = mapped_column(index=True)
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("accounts_user.account_id", ondelete="CASCADE"), default=None
    )
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, default_factory=dict, repr=False)


class Block(Base):
    """Somebody (`blocker_id`) wants to hear nothing more from somebody else."""

    __tablename__ = "accounts_block"
    blocker_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_user.account_id", ondelete="CASCADE"), primary_key=True
    )
    # Told to nobody but who blocked: it makes no row theirs.
    blocked_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_user.account_id", ondelete="CASCADE"), primary_key=True, index=True
    )
    created_at: Mapped[datetime] = mapped_column(default_factory=now)


class BannedEmail(Base):
    """An address that may not sign up again; a keyed hash, so that it names nobody."""

    __tablename__ = "accounts_banned_email"
    email_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
