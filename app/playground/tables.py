"""What people try models on, for the minute in which a worker answers."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, LargeBinary, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

Json = dict[str, Any]


class PredictionRequest(Base):
    """One input for one model. The row goes when its asker has the answer or stops waiting.

    `taken_at` is set while a worker has it, `answered_at` once `answer` is there. What nobody came
    back for is swept away when it is out of date.
    """

    __tablename__ = "playground_request"
    __table_args__ = (
        Index("ix_playground_request_open", "id", postgresql_where=text("taken_at IS NULL")),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    repository_id: Mapped[int] = mapped_column(
        ForeignKey("hub_repository.id", ondelete="CASCADE"), index=True
    )
    commit: Mapped[str] = mapped_column(Text)
    task: Mapped[str] = mapped_column(Text)
    texts: Mapped[Json] = mapped_column(JSONB)
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    expires_at: Mapped[datetime]
    answer: Mapped[Json | None] = mapped_column(JSONB(none_as_null=True), default=None, init=False)
    taken_at: Mapped[datetime | None] = mapped_column(default=None, init=False)
    answered_at: Mapped[datetime | None] = mapped_column(default=None, init=False)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), init=False)
