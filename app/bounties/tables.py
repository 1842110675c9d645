"""Bounties; what was moved for them stands in the ledger under their number."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.bounties.schemas import State
from app.core.clock import now
from app.core.db import Base
from app.core.sql import by_value
from app.ledger.schemas import Unit

_ACCOUNT = "accounts_account.id"


class Bounty(Base):
    """Something put up for an answer; one open for a question at a time."""

    __tablename__ = "bounties_bounty"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    question_id: Mapped[int] = mapped_column(
        ForeignKey("questions_question.id", ondelete="CASCADE"), index=True
    )
    giver_id: Mapped[int | None] = mapped_column(ForeignKey(_ACCOUNT, ondelete="SET NULL"))
    unit: Mapped[Unit] = mapped_column(by_value(Unit))
    amount: Mapped[int] = mapped_column(BigInteger)
    ends_at: Mapped[datetime]
    state: Mapped[State] = mapped_column(by_value(State), default=State.OPEN)
    begun_at: Mapped[datetime] = mapped_column(default_factory=now)
    reminded_at: Mapped[datetime | None] = mapped_column(default=None)
    settled_at: Mapped[datetime | None] = mapped_column(default=None)
    answer_id: Mapped[int | None] = mapped_column(
        ForeignKey("comments_comment.id", ondelete="SET NULL"), default=None
    )
    winner_id: Mapped[int | None] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="SET NULL"), default=None, index=True
    )
    paid: Mapped[int] = mapped_column(BigInteger, server_default=text("0"), default=0)

    __table_args__ = (
        Index(
            "uq_bounties_bounty_open",
            "question_id",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_bounties_bounty_due", "ends_at", postgresql_where=text("state = 'open'")),
        Index("ix_bounties_bounty_giver", "giver_id", "id"),
    )
