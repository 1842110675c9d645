"""What is counted of a repository."""

from datetime import date

from sqlalchemy import (
    Date,
    ForeignKey,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base
from app.hub.tables.repositories import REPOSITORY


class DownloadDay(Base):
    """How many people downloaded from a repository on one day (UTC)."""

    __tablename__ = "hub_download_day"
    repository_id: Mapped[int] = mapped_column(
        ForeignKey(REPOSITORY, ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    count: Mapped[int] = mapped_column(server_default=text("0"), default=0)


class Download(Base):
    """That somebody downloaded from a repository on one day (UTC), so that they count once.

    `who` is an account, or a keyed hash of a visitor's address that nobody can turn back.
    """

    __tablename__ = "hub_download"
    repository_id: Mapped[int] = mapped_column(
        ForeignKey(REPOSITORY, ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    who: Mapped[str] = mapped_column(Text, primary_key=True)
