"""Uploads of a browser, in parts."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base
from app.hub.tables.repositories import REPOSITORY


class Upload(Base):
    """A browser's upload of one file, in parts, bound to one person and one repository."""

    __tablename__ = "hub_upload"
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_account.id", ondelete="CASCADE"), index=True
    )
    repository_id: Mapped[int] = mapped_column(
        ForeignKey(REPOSITORY, ondelete="CASCADE"), index=True
    )
    path: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    part_size: Mapped[int]
    sha256: Mapped[str | None] = mapped_column(Text, default=None)
    created_at: Mapped[datetime] = mapped_column(default_factory=now, index=True)


class UploadPart(Base):
    """A part that has arrived; numbers count from 1."""

    __tablename__ = "hub_upload_part"
    upload_id: Mapped[str] = mapped_column(
        ForeignKey("hub_upload.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(Text)
    size: Mapped[int]
    storage_key: Mapped[str] = mapped_column(Text)
