"""What accounts hold and use, what they may, and when that was changed or nearly reached."""

from datetime import date, datetime

from sqlalchemy import DDL, BigInteger, Float, ForeignKey, Identity, Index, Text, event, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base
from app.core.sql import by_value
from app.quotas.counting import statements
from app.quotas.schemas import Kind

_ACCOUNT = "accounts_account.id"


class Usage(Base):
    """What an account holds now; the triggers of `counting` keep it, nobody else writes it.

    `share_s` is what it used of the machines lately, in weighted seconds as of `share_at`.
    """

    __tablename__ = "quotas_usage"
    account_id: Mapped[int] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="CASCADE"), primary_key=True
    )
    bytes: Mapped[int] = mapped_column(BigInteger, server_default=text("0"), default=0)
    files: Mapped[int] = mapped_column(BigInteger, server_default=text("0"), default=0)
    repositories: Mapped[int] = mapped_column(BigInteger, server_default=text("0"), default=0)
    share_s: Mapped[float] = mapped_column(Float, server_default=text("0"), default=0.0)
    share_at: Mapped[datetime] = mapped_column(server_default=text("'epoch'"), default_factory=now)


class Content(Base):
    """A content that something of an account refers to, `uses` times, and that counts once."""

    __tablename__ = "quotas_content"
    account_id: Mapped[int] = mapped_column(
        ForeignKey("quotas_usage.account_id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    uses: Mapped[int] = mapped_column(BigInteger)


class Day(Base):
    """What an account computed on a day, and what it held when the day was closed."""

    __tablename__ = "quotas_day"
    account_id: Mapped[int] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(primary_key=True)
    gpu_s: Mapped[float] = mapped_column(Float, server_default=text("0"), default=0.0)
    cpu_s: Mapped[float] = mapped_column(Float, server_default=text("0"), default=0.0)
    bytes: Mapped[int | None] = mapped_column(BigInteger, default=None)


class Limit(Base):
    """A limit of one account that goes before the site's; 0 is without limit."""

    __tablename__ = "quotas_limit"
    account_id: Mapped[int] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[Kind] = mapped_column(by_value(Kind), primary_key=True)
    amount: Mapped[int] = mapped_column(BigInteger)


class LimitChange(Base):
    """Who changed a limit, when, from what to what; null is the site's own."""

    __tablename__ = "quotas_limit_change"
    __table_args__ = (Index("ix_quotas_limit_change_account", "account_id", "id"),)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    account_id: Mapped[int] = mapped_column(ForeignKey(_ACCOUNT, ondelete="CASCADE"))
    kind: Mapped[Kind] = mapped_column(by_value(Kind))
    before: Mapped[int | None] = mapped_column(BigInteger)
    after: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(Text)
    by_id: Mapped[int | None] = mapped_column(ForeignKey(_ACCOUNT, ondelete="SET NULL"))
    changed_at: Mapped[datetime] = mapped_column(default_factory=now)


class Crossing(Base):
    """An account came near one of its limits, and was told; gone once it is well below again."""

    __tablename__ = "quotas_crossing"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    account_id: Mapped[int] = mapped_column(ForeignKey(_ACCOUNT, ondelete="CASCADE"))
    kind: Mapped[Kind] = mapped_column(by_value(Kind))
    crossed_at: Mapped[datetime] = mapped_column(default_factory=now)
    __table_args__ = (Index("uq_quotas_crossing", "account_id", "kind", unique=True),)


# The triggers are on tables of features above, so they are made when every table is there; the
# migration runs the same statements.
for _statement in statements():
    event.listen(Base.metadata, "after_create", DDL(_statement.replace("%", "%%")))  # type: ignore[no-untyped-call]  # as the library leaves it
