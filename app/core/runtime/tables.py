"""What was changed while the site runs, and everything it was before."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base
from app.core.runtime.words import Audience, Tone
from app.core.sql import by_value


class RuntimeValue(Base):
    """A setting, switch or mode that is not at its default. Secrets are sealed."""

    __tablename__ = "core_runtime"
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB)
    changed_by_id: Mapped[int | None] = mapped_column(BigInteger)
    changed_at: Mapped[datetime] = mapped_column(default_factory=now)


class RuntimeChange(Base):
    """One change: what it was and became, null for the default; of secrets only that they changed.

    No foreign key: it outlives who made it.
    """

    __tablename__ = "core_runtime_change"
    __table_args__ = (Index("ix_core_runtime_change_name", "name", "id"),)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    name: Mapped[str] = mapped_column(Text)
    before: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
    after: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
    changed_by_id: Mapped[int | None] = mapped_column(BigInteger)
    changed_at: Mapped[datetime] = mapped_column(default_factory=now)


class Announcement(Base):
    """Words on every page, from `starts_at` until `ends_at`."""

    __tablename__ = "core_announcement"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    tone: Mapped[Tone] = mapped_column(by_value(Tone))
    audience: Mapped[Audience] = mapped_column(by_value(Audience))
    text_en: Mapped[str] = mapped_column(Text)
    text_zh: Mapped[str] = mapped_column(Text)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    is_dismissible: Mapped[bool]
    created_by_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
