"""The queue, what people report, what moderators did, and appeals against it."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base
from app.core.sql import by_value
from app.moderation.schemas import ActKind, Reason, State, Subject

_ACCOUNT = "accounts_account.id"


class Item(Base):
    """Something to decide about; of one thing at most one is open.

    `account_id` is whose it is. Of a private repository only administrators are shown anything.
    """

    __tablename__ = "moderation_item"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    subject: Mapped[Subject] = mapped_column(by_value(Subject))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    account_id: Mapped[int | None] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="SET NULL"), index=True
    )
    is_private: Mapped[bool] = mapped_column(server_default=false())
    causes: Mapped[list[str]] = mapped_column(ARRAY(Text), default_factory=list)
    score: Mapped[float] = mapped_column(default=0.0)
    num_reports: Mapped[int] = mapped_column(default=0)
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default_factory=list)
    state: Mapped[State] = mapped_column(by_value(State), default=State.OPEN)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    claimed_by_id: Mapped[int | None] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="SET NULL"), default=None
    )
    claimed_until: Mapped[datetime | None] = mapped_column(default=None)
    decided_by_id: Mapped[int | None] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="SET NULL"), default=None
    )
    decided_at: Mapped[datetime | None] = mapped_column(default=None)

    __table_args__ = (
        Index(
            "uq_moderation_item_open",
            "subject",
            "subject_id",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_moderation_item_queue", "state", "score", "id"),
        Index("ix_moderation_item_newest", "state", "id"),
        # What moderators weigh before they decide is not told to whom it is about.
        {"info": {"export": False}},
    )


class Report(Base):
    """What one person reported; once for each thing."""

    __tablename__ = "moderation_report"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    item_id: Mapped[int] = mapped_column(
        ForeignKey("moderation_item.id", ondelete="CASCADE"), index=True
    )
    subject: Mapped[Subject] = mapped_column(by_value(Subject))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    reporter_id: Mapped[int] = mapped_column(ForeignKey(_ACCOUNT, ondelete="CASCADE"))
    reason: Mapped[Reason] = mapped_column(by_value(Reason))
    words: Mapped[str] = mapped_column(Text)
    weight: Mapped[float]
    outcome: Mapped[State] = mapped_column(by_value(State), default=State.OPEN)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)

    __table_args__ = (
        UniqueConstraint("subject", "subject_id", "reporter_id"),
        Index("ix_moderation_report_reporter", "reporter_id", "id"),
    )


class Act(Base):
    """What a moderator did, and what is needed to undo it."""

    __tablename__ = "moderation_act"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    kind: Mapped[ActKind] = mapped_column(by_value(ActKind))
    subject: Mapped[Subject] = mapped_column(by_value(Subject))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    is_private: Mapped[bool]
    account_id: Mapped[int | None] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="SET NULL"), index=True
    )
    by_id: Mapped[int | None] = mapped_column(ForeignKey(_ACCOUNT, ondelete="SET NULL"))
    item_id: Mapped[int | None] = mapped_column(
        ForeignKey("moderation_item.id", ondelete="SET NULL"), default=None
    )
    reason: Mapped[str] = mapped_column(Text, default="")
    until: Mapped[datetime | None] = mapped_column(default=None)
    # For moderators alone: what it took to do it, never a part of what people are given of theirs.
    data: Mapped[dict[str, Any]] = mapped_column(
        JSONB, default_factory=dict, info={"export": False}
    )
    undone_at: Mapped[datetime | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)


class Appeal(Base):
    """What the person concerned says against an act; once, and another moderator decides."""

    __tablename__ = "moderation_appeal"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    act_id: Mapped[int] = mapped_column(
        ForeignKey("moderation_act.id", ondelete="CASCADE"), unique=True
    )
    words: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    is_granted: Mapped[bool | None] = mapped_column(default=None)
    answer: Mapped[str] = mapped_column(Text, default="")
    decided_by_id: Mapped[int | None] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="SET NULL"), default=None
    )
    decided_at: Mapped[datetime | None] = mapped_column(default=None)
