"""Buckets: files by path without a history, over the same stored bytes as repositories."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base

_BUCKET = "buckets_bucket.id"
_ACCOUNT = "accounts_account.id"
_LARGE_FILE = "hub_lfs_object.sha256"


class Bucket(Base):
    """A place for files that change often and need no history: checkpoints, logs, scratch."""

    __tablename__ = "buckets_bucket"
    __table_args__ = (
        UniqueConstraint("owner_id", "name_key"),
        Index("ix_buckets_bucket_updated", "owner_id", "updated_at", "id"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    owner_id: Mapped[int] = mapped_column(ForeignKey(_ACCOUNT, ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(Text)
    private: Mapped[bool]
    creator_id: Mapped[int | None] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="SET NULL"), default=None
    )
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    updated_at: Mapped[datetime] = mapped_column(default_factory=now)


class BucketFile(Base):
    """What is at a path; an empty file has no stored bytes and so no `sha256`.

    Paths are compared byte by byte, which is the order of the listing and serves its prefixes.
    """

    __tablename__ = "buckets_file"
    __table_args__ = (Index("ix_buckets_file_content", "bucket_id", "xet_hash"),)
    bucket_id: Mapped[int] = mapped_column(
        ForeignKey(_BUCKET, ondelete="CASCADE"), primary_key=True
    )
    path: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    xet_hash: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str | None] = mapped_column(ForeignKey(_LARGE_FILE), index=True)
    size: Mapped[int] = mapped_column(BigInteger)
    content_type: Mapped[str] = mapped_column(Text, default="")
    modified_at: Mapped[datetime | None] = mapped_column(default=None)
    uploaded_at: Mapped[datetime] = mapped_column(default_factory=now)


class BucketArrival(Base):
    """A file that was sent to a bucket and may be given a path in it, for a while."""

    __tablename__ = "buckets_arrival"
    bucket_id: Mapped[int] = mapped_column(
        ForeignKey(_BUCKET, ondelete="CASCADE"), primary_key=True
    )
    xet_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey(_LARGE_FILE), index=True)
    size: Mapped[int] = mapped_column(BigInteger)
    arrived_at: Mapped[datetime] = mapped_column(default_factory=now)
