"""Notifications, the news they come from, what people chose, and why each was told or not.

No title and no word of a text is kept here: what a thread is called is asked of its feature when
somebody looks, and so is whether they may see it.
"""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base
from app.core.sql import by_value
from app.notifications.schemas import Channel, Kind, Level, Pace, Reason, What, Why

_PERSON = "accounts_user.account_id"
_ACCOUNT = "accounts_account.id"


class Notification(Base):
    """One person is told of one thing; `key` keeps them from being told twice.

    The one row feeds every channel: `in_app` says whether the list shows it, `mail` when it is
    mailed. Its id is the number of the live stream's event.
    """

    __tablename__ = "notifications_notification"
    __table_args__ = (
        UniqueConstraint("person_id", "key"),
        Index("ix_notifications_notification_person", "person_id", "id"),
        Index("ix_notifications_notification_thread", "person_id", "subject", "subject_id"),
        Index(
            "ix_notifications_notification_unread",
            "person_id",
            postgresql_where=text("in_app AND read_at IS NULL AND done_at IS NULL"),
        ),
        Index(
            "ix_notifications_notification_unmailed",
            "mail",
            "created_at",
            postgresql_where=text("mailed_at IS NULL AND mail <> 'off'"),
        ),
        Index("ix_notifications_notification_subject", "subject", "subject_id"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    person_id: Mapped[int] = mapped_column(ForeignKey(_PERSON, ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(Text)
    what: Mapped[What] = mapped_column(by_value(What, 24))
    kind: Mapped[Kind] = mapped_column(by_value(Kind, 24))
    reason: Mapped[Reason] = mapped_column(by_value(Reason, 24))
    subject: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[int] = mapped_column(BigInteger)
    entry_id: Mapped[int | None] = mapped_column(BigInteger, default=None)
    repository_id: Mapped[int | None] = mapped_column(BigInteger, default=None)
    actor_id: Mapped[int | None] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="SET NULL"), index=True, default=None
    )
    in_app: Mapped[bool] = mapped_column(default=True)
    mail: Mapped[Pace] = mapped_column(by_value(Pace, 24), default=Pace.OFF)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    read_at: Mapped[datetime | None] = mapped_column(default=None)
    done_at: Mapped[datetime | None] = mapped_column(default=None)
    mailed_at: Mapped[datetime | None] = mapped_column(default=None)


class Happening(Base):
    """News that is being told, or was; `told_to` is the last watcher who has been asked.

    Kept for thirty days: meanwhile nobody is told twice, and the ledger hangs on it.
    """

    __tablename__ = "notifications_happening"
    __table_args__ = (
        Index(
            "ix_notifications_happening_due", "due_at", postgresql_where=text("finished_at IS NULL")
        ),
        Index("ix_notifications_happening_created", "created_at"),
        Index("ix_notifications_happening_entry", "entry_id"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    key: Mapped[str] = mapped_column(Text, unique=True)
    what: Mapped[What] = mapped_column(by_value(What, 24))
    subject: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[int] = mapped_column(BigInteger)
    entry_id: Mapped[int | None] = mapped_column(BigInteger)
    repository_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey(_ACCOUNT, ondelete="SET NULL"))
    told_to: Mapped[int | None] = mapped_column(BigInteger, default=None)
    due_at: Mapped[datetime] = mapped_column(default_factory=now)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)


class Decision(Base):
    """Whether a person was told of a happening on a channel, and why."""

    __tablename__ = "notifications_decision"
    person_id: Mapped[int] = mapped_column(
        ForeignKey(_PERSON, ondelete="CASCADE"), primary_key=True
    )
    happening_id: Mapped[int] = mapped_column(
        ForeignKey("notifications_happening.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    channel: Mapped[Channel] = mapped_column(by_value(Channel, 24), primary_key=True)
    is_told: Mapped[bool]
    why: Mapped[Why] = mapped_column(by_value(Why, 24))


class Wish(Base):
    """Whether a person watches or mutes a thread, a repository, an account or a tag."""

    __tablename__ = "notifications_wish"
    __table_args__ = (
        Index("ix_notifications_wish_target", "target", "target_id", "level", "person_id"),
    )
    person_id: Mapped[int] = mapped_column(
        ForeignKey(_PERSON, ondelete="CASCADE"), primary_key=True
    )
    target: Mapped[str] = mapped_column(Text, primary_key=True)
    target_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    level: Mapped[Level] = mapped_column(by_value(Level, 24))
    created_at: Mapped[datetime] = mapped_column(default_factory=now)


class Preference(Base):
    """What a person wants of one kind; who never chose gets the default."""

    __tablename__ = "notifications_preference"
    person_id: Mapped[int] = mapped_column(
        ForeignKey(_PERSON, ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[Kind] = mapped_column(by_value(Kind, 24), primary_key=True)
    in_app: Mapped[bool]
    mail: Mapped[Pace] = mapped_column(by_value(Pace, 24))


class FeedKey(Base):
    """The number of a person's feed address; a larger one ends all addresses given out before.

    While it is not `is_open` no address opens anything.
    """

    __tablename__ = "notifications_feed_key"
    person_id: Mapped[int] = mapped_column(
        ForeignKey(_PERSON, ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int]
    is_open: Mapped[bool] = mapped_column(server_default=true(), default=True)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
