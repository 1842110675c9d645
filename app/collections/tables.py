"""Collections of repositories, what stands in them, and who likes them."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base

_COLLECTION = "collections_collection.id"


class Collection(Base):
    """A list of repositories that somebody put together. A title is unique for its owner."""

    __tablename__ = "collections_collection"
    __table_args__ = (
        UniqueConstraint("owner_id", "title_key"),
        Index("ix_collections_collection_updated", "updated_at", "id"),
        Index("ix_collections_collection_upvotes", "upvotes", "id"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    owner_id: Mapped[int] = mapped_column(ForeignKey("accounts_account.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(Text)
    title_key: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="")
    theme: Mapped[str] = mapped_column(Text, default="orange")
    private: Mapped[bool] = mapped_column(default=False)
    position: Mapped[int] = mapped_column(default=0)
    upvotes: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    updated_at: Mapped[datetime] = mapped_column(default_factory=now)


class CollectionItem(Base):
    """A repository, or another collection, at its place; it goes when the thing goes."""

    __tablename__ = "collections_item"
    __table_args__ = (
        UniqueConstraint("collection_id", "repository_id"),
        Index("uq_collections_item_nested", "collection_id", "nested_id", unique=True),
        CheckConstraint("num_nonnulls(repository_id, nested_id) = 1", name="one_thing"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    collection_id: Mapped[int] = mapped_column(ForeignKey(_COLLECTION, ondelete="CASCADE"))
    position: Mapped[int]
    repository_id: Mapped[int | None] = mapped_column(
        ForeignKey("hub_repository.id", ondelete="CASCADE"), index=True, default=None
    )
    nested_id: Mapped[int | None] = mapped_column(
        ForeignKey(_COLLECTION, ondelete="CASCADE"), index=True, default=None
    )
    note: Mapped[str] = mapped_column(Text, default="")
    added_at: Mapped[datetime] = mapped_column(default_factory=now)


class CollectionUpvote(Base):
    """That somebody likes a collection: once."""

    __tablename__ = "collections_upvote"
    collection_id: Mapped[int] = mapped_column(
        ForeignKey(_COLLECTION, ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_user.account_id", ondelete="CASCADE"), primary_key=True, index=True
    )
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
