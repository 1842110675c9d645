"""Comparisons of runs; what they keep of each run is a copy."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Text, desc
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base


class Comparison(Base):
    """Runs beside each other. `runs` holds a `ComparedRun` for each."""

    __tablename__ = "comparisons_comparison"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    title: Mapped[str] = mapped_column(Text)
    owner_id: Mapped[int | None] = mapped_column(
        ForeignKey("accounts_account.id", ondelete="SET NULL")
    )
    thread_id: Mapped[int] = mapped_column(ForeignKey("comments_thread.id"), unique=True)
    runs: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)

    __table_args__ = (Index("ix_comparisons_comparison_owner", "owner_id", desc("id")),)
