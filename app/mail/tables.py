"""The outbox, and the addresses that take no letters."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base
from app.core.sql import by_value
from app.mail.schemas import LetterState


class QueuedLetter(Base):
    """A letter, written in the transaction of what it tells of.

    `text` and `html` are emptied once it was sent: letters hold links that open accounts.
    """

    __tablename__ = "mail_letter"
    __table_args__ = (
        Index("ix_mail_letter_due", "next_try_at", postgresql_where=text("state = 'queued'")),
        Index("ix_mail_letter_state", "state", "id"),
        Index("ix_mail_letter_recipient", text("lower(recipient)")),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    recipient: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text, repr=False)
    html: Mapped[str] = mapped_column(Text, repr=False, default="")
    headers: Mapped[dict[str, str]] = mapped_column(JSONB, default_factory=dict)
    dedupe_key: Mapped[str | None] = mapped_column(Text, unique=True, default=None)
    is_last: Mapped[bool] = mapped_column(default=False)
    state: Mapped[LetterState] = mapped_column(
        by_value(LetterState),
        default=LetterState.QUEUED,
    )
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime] = mapped_column(default_factory=now)
    last_error: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    sent_at: Mapped[datetime | None] = mapped_column(default=None)


class SuppressedAddress(Base):
    """An address whose server said for good that it takes nothing; in lower case."""

    __tablename__ = "mail_suppressed"
    address: Mapped[str] = mapped_column(Text, primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
