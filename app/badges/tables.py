"""Who has which badge, and the nights on which the rules ran."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.badges.schemas import Badge
from app.core.clock import now
from app.core.db import Base
from app.core.sql import by_value


class Award(Base):
    """Somebody earned a badge, once and for good."""

    __tablename__ = "badges_award"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    badge: Mapped[Badge] = mapped_column(by_value(Badge, 24))
    person_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_user.account_id", ondelete="CASCADE")
    )
    given_at: Mapped[datetime] = mapped_column(default_factory=now, index=True)

    __table_args__ = (
        UniqueConstraint("person_id", "badge"),
        Index("ix_badges_award_badge", "badge", "id"),
    )


class Night(Base):
    """A day whose run has been begun: of several processes one begins it."""

    __tablename__ = "badges_night"
    day: Mapped[date] = mapped_column(Date, primary_key=True)
