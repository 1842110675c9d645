"""What is counted of a repository: who downloads it and who likes it.

A download writes rows of its own and never the repository's: many at once wait for nobody.
A task adds the deltas up every few seconds.
"""

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, ForeignKey, Identity, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base
from app.hub.schemas import RepositoryKind
from app.hub.tables.repositories import KIND, REPOSITORY


class DownloadDay(Base):
    """Downloads of one day (UTC): `count` once a person and snapshot, `raw` every one."""

    __tablename__ = "hub_download_day"
    repository_id: Mapped[int] = mapped_column(
        ForeignKey(REPOSITORY, ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(Date, primary_key=True, index=True)
    count: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    raw: Mapped[int] = mapped_column(BigInteger, server_default=text("0"), default=0)


class Download(Base):
    """That somebody downloaded a snapshot on one day (UTC), so that they count once.

    `who` is an account, or a keyed hash of a visitor's address that nobody can turn back.
    """

    __tablename__ = "hub_download"
    repository_id: Mapped[int] = mapped_column(
        ForeignKey(REPOSITORY, ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(Date, primary_key=True, index=True)
    who: Mapped[str] = mapped_column(Text, primary_key=True)
    commit: Mapped[str] = mapped_column(Text, primary_key=True, server_default="", default="")


class DownloadDelta(Base):
    """Downloads that are not in the sums yet; added up and removed in one transaction."""

    __tablename__ = "hub_download_delta"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    repository_id: Mapped[int] = mapped_column(
        ForeignKey(REPOSITORY, ondelete="CASCADE"), index=True
    )
    day: Mapped[date] = mapped_column(Date)
    count: Mapped[int]


class Like(Base):
    """That somebody likes a repository."""

    __tablename__ = "hub_like"
    repository_id: Mapped[int] = mapped_column(
        ForeignKey(REPOSITORY, ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_user.account_id", ondelete="CASCADE"), primary_key=True
    )
    created_at: Mapped[datetime] = mapped_column(default_factory=now)

    __table_args__ = (Index("ix_hub_like_user", "user_id", "created_at"),)


class FacetCount(Base):
    """How many public repositories carry a value, counted now and then for the lists' filters."""

    __tablename__ = "hub_facet_count"
    kind: Mapped[RepositoryKind] = mapped_column(KIND, primary_key=True)
    facet: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = mapped_column(Text, primary_key=True)
    count: Mapped[int]
