"""Webhooks, what they watch, and the outbox of their deliveries."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base
from app.core.sql import by_value
from app.webhooks.schemas import DeliveryState, Style, WatchedKind


class Webhook(Base):
    """An address that wants news; its secret is sealed with the site's own.

    `failures` counts those in a row; enough of them set `disabled` and `off_by_failures`.
    """

    __tablename__ = "webhooks_webhook"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_user.account_id", ondelete="CASCADE"), index=True
    )
    url: Mapped[str] = mapped_column(Text)
    secret: Mapped[bytes | None] = mapped_column(LargeBinary, repr=False)
    domains: Mapped[list[str]] = mapped_column(ARRAY(Text))
    disabled: Mapped[bool] = mapped_column(default=False)
    off_by_failures: Mapped[bool] = mapped_column(default=False)
    failures: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    style: Mapped[Style] = mapped_column(
        by_value(Style, 20), server_default=text("'json'"), default=Style.JSON
    )


class Watch(Base):
    """What a webhook watches: an account's or a repository's id, whatever its name becomes."""

    __tablename__ = "webhooks_watch"
    __table_args__ = (Index("ix_webhooks_watch_target", "kind", "target_id"),)
    webhook_id: Mapped[int] = mapped_column(
        ForeignKey("webhooks_webhook.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[WatchedKind] = mapped_column(by_value(WatchedKind), primary_key=True)
    target_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    name: Mapped[str] = mapped_column(Text)


class Delivery(Base):
    """One message to one webhook, kept until it arrived and for a while after.

    `event_id` stays the same over retries and replays, so that a receiver can drop doubles.
    `owner_id` and `private` say who might see a repository that is gone by now.
    """

    __tablename__ = "webhooks_delivery"
    __table_args__ = (
        Index("ix_webhooks_delivery_due", "due_at", postgresql_where=text("state = 'waiting'")),
        Index("ix_webhooks_delivery_history", "webhook_id", "id"),
        Index("ix_webhooks_delivery_created_at", "created_at"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhooks_webhook.id", ondelete="CASCADE"))
    event_id: Mapped[str] = mapped_column(Text)
    repository_id: Mapped[int] = mapped_column(BigInteger)
    owner_id: Mapped[int] = mapped_column(BigInteger)
    private: Mapped[bool]
    action: Mapped[str] = mapped_column(Text)
    scope: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[DeliveryState] = mapped_column(
        by_value(DeliveryState), default=DeliveryState.WAITING
    )
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(default_factory=now)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)
    is_replay: Mapped[bool] = mapped_column(default=False)
