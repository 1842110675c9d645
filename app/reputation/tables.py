"""Votes, the ledger of points, and what they add up to."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base
from app.core.sql import by_value
from app.reputation.schemas import Reason

_ACCOUNT = "accounts_account.id"
_COMMENT = "comments_comment.id"


class Vote(Base):
    """One person's vote on one post: 1, -1, or 0 once they took it back."""

    __tablename__ = "reputation_vote"
    comment_id: Mapped[int] = mapped_column(
        ForeignKey(_COMMENT, ondelete="CASCADE"), primary_key=True
    )
    voter_id: Mapped[int] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="CASCADE"), primary_key=True, index=True
    )
    value: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"), default=0)
    voted_at: Mapped[datetime] = mapped_column(default_factory=now)


class Entry(Base):
    """Points that somebody got or lost, and why; `account_id` is empty once they have left."""

    __tablename__ = "reputation_entry"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    account_id: Mapped[int | None] = mapped_column(ForeignKey(_ACCOUNT, ondelete="SET NULL"))
    amount: Mapped[int]
    reason: Mapped[Reason] = mapped_column(by_value(Reason, 20))
    comment_id: Mapped[int | None] = mapped_column(
        ForeignKey(_COMMENT, ondelete="SET NULL"), default=None, index=True
    )
    created_at: Mapped[datetime] = mapped_column(default_factory=now)

    __table_args__ = (Index("ix_reputation_entry_account", "account_id", text("id DESC")),)


class Standing(Base):
    """The sums of one person: points, and how often their work was found good or bad."""

    __tablename__ = "reputation_standing"
    account_id: Mapped[int] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="CASCADE"), primary_key=True
    )
    points: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    num_up: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    num_down: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    num_accepted: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    num_edits_approved: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    num_edits_rejected: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    num_reports_helpful: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    num_reports_declined: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    num_gold: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    num_silver: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    num_bronze: Mapped[int] = mapped_column(server_default=text("0"), default=0)
