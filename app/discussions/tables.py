"""Discussions and pull requests of a repository, and what happened to them."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base
from app.core.sql import by_value
from app.discussions.schemas import EventKind, Status

_REPOSITORY = "hub_repository.id"
_ACCOUNT = "accounts_account.id"


class Counter(Base):
    """The last number given in a repository; its row lock keeps numbers without gaps."""

    __tablename__ = "discussions_counter"
    repository_id: Mapped[int] = mapped_column(
        ForeignKey(_REPOSITORY, ondelete="CASCADE"), primary_key=True
    )
    last_num: Mapped[int] = mapped_column(server_default=text("0"), default=0)


class Discussion(Base):
    """A discussion, or a pull request whose commits are under `refs/pr/N`.

    `base_oid` and `head_oid` are set once a pull request is merged or closed, so that what it
    changed can be read whatever becomes of its ref.
    """

    __tablename__ = "discussions_discussion"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    repository_id: Mapped[int] = mapped_column(ForeignKey(_REPOSITORY, ondelete="CASCADE"))
    num: Mapped[int]
    title: Mapped[str] = mapped_column(Text)
    status: Mapped[Status] = mapped_column(by_value(Status))
    is_pull_request: Mapped[bool]
    author_id: Mapped[int | None] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="SET NULL"), index=True
    )
    thread_id: Mapped[int] = mapped_column(ForeignKey("comments_thread.id"), unique=True)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    updated_at: Mapped[datetime] = mapped_column(default_factory=now)
    pinned: Mapped[bool] = mapped_column(server_default=false(), default=False)
    locked: Mapped[bool] = mapped_column(server_default=false(), default=False)
    base_oid: Mapped[str] = mapped_column(Text, server_default="", default="")
    head_oid: Mapped[str] = mapped_column(Text, server_default="", default="")
    merge_oid: Mapped[str] = mapped_column(Text, server_default="", default="")

    __table_args__ = (
        UniqueConstraint("repository_id", "num"),
        Index("ix_discussions_discussion_list", "repository_id", "pinned", "num"),
        Index("ix_discussions_discussion_updated", "updated_at", "id"),
    )


class DiscussionEvent(Base):
    """A change of status, title, pin or lock; `data` holds the words of the protocol."""

    __tablename__ = "discussions_event"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    discussion_id: Mapped[int] = mapped_column(
        ForeignKey("discussions_discussion.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[EventKind] = mapped_column(by_value(EventKind, 24))
    author_id: Mapped[int | None] = mapped_column(ForeignKey(_ACCOUNT, ondelete="SET NULL"))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, default_factory=dict)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
