"""What is known of data sets: each file opened once, each revision counted once."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class Probe(Base):
    """A picture, decoded once, or a recording; the key is git's id of its content.

    Sizes are in pixels; `mode` is what colours a picture has, or a recording's rate.
    """

    __tablename__ = "datasets_probe"
    oid: Mapped[str] = mapped_column(Text, primary_key=True)
    sha256: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int]
    height: Mapped[int]
    mode: Mapped[str] = mapped_column(Text)
    frames: Mapped[int]
    error: Mapped[str | None] = mapped_column(Text)
    seconds: Mapped[float] = mapped_column(server_default="0", default=0.0)


class Inventory(Base):
    """The inventory of one revision, read with certain column names (`columns_key`)."""

    __tablename__ = "datasets_inventory"
    repository_id: Mapped[int] = mapped_column(
        ForeignKey("hub_repository.id", ondelete="CASCADE"), primary_key=True
    )
    commit: Mapped[str] = mapped_column(Text, primary_key=True)
    columns_key: Mapped[str] = mapped_column(Text, primary_key=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), init=False)
