"""Who asked to be let into a gated repository, and what its owner answered."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base
from app.core.sql import by_value
from app.hub.schemas import AccessStatus
from app.hub.tables.repositories import REPOSITORY

_STATUS = by_value(AccessStatus)


class AccessRequest(Base):
    """One person's wish to open the files of one gated repository; asked once, answered there."""

    __tablename__ = "hub_access_request"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    repository_id: Mapped[int] = mapped_column(ForeignKey(REPOSITORY, ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_user.account_id", ondelete="CASCADE"), index=True
    )
    status: Mapped[AccessStatus] = mapped_column(_STATUS)
    fields: Mapped[dict[str, str]] = mapped_column(
        JSONB, server_default=text("'{}'"), default_factory=dict
    )
    rejection_reason: Mapped[str] = mapped_column(Text, server_default="", default="")
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    handled_at: Mapped[datetime | None] = mapped_column(default=None)
    handled_by: Mapped[int | None] = mapped_column(
        ForeignKey("accounts_account.id", ondelete="SET NULL"), default=None
    )

    __table_args__ = (
        UniqueConstraint("repository_id", "user_id"),
        Index("ix_hub_access_request_status", "repository_id", "status", "id"),
    )
