"""Threads of comments, and what each comment said before it was edited.

A thread knows nothing of what it hangs on but a word and a number: the feature that owns it
decides who may read and write there.
"""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base

_ACCOUNT = "accounts_account.id"


class Thread(Base):
    """Comments under one thing. `subject` and `subject_id` say with what it is removed.

    `is_held`: the comment that opened it waits for the moderators, and so does its title.
    """

    __tablename__ = "comments_thread"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    subject: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[int] = mapped_column(BigInteger)
    num_comments: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    is_held: Mapped[bool] = mapped_column(server_default=false(), default=False)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    last_comment_at: Mapped[datetime] = mapped_column(default_factory=now)

    __table_args__ = (Index("ix_comments_thread_subject", "subject", "subject_id"),)


class PostPicture(Base):
    """A picture for posts, found by whoever knows its name, which nobody guesses.

    Who leaves leaves their pictures behind as they leave their words: without a name.
    """

    __tablename__ = "comments_picture"
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey(_ACCOUNT, ondelete="SET NULL"))
    sha256: Mapped[str] = mapped_column(Text, index=True)
    media_type: Mapped[str] = mapped_column(Text)
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default_factory=now)

    __table_args__ = (Index("ix_comments_picture_owner", "owner_id", "created_at"),)


class Comment(Base):
    """What somebody wrote; Markdown. A hidden one keeps its place and loses its words.

    A held one keeps them too, for its author and the moderators, until these have decided.
    One `held_at_birth` was held by the transaction that wrote it: nobody was told of it yet.
    """

    __tablename__ = "comments_comment"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    thread_id: Mapped[int] = mapped_column(ForeignKey("comments_thread.id", ondelete="CASCADE"))
    author_id: Mapped[int | None] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="SET NULL"), index=True
    )
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    edited_at: Mapped[datetime | None] = mapped_column(default=None)
    edited_by_id: Mapped[int | None] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="SET NULL"), default=None
    )
    num_edits: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    hidden_at: Mapped[datetime | None] = mapped_column(default=None)
    hidden_by_id: Mapped[int | None] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="SET NULL"), default=None
    )

    opens_thread: Mapped[bool] = mapped_column(server_default=false(), default=False)
    held_at: Mapped[datetime | None] = mapped_column(default=None)
    held_at_birth: Mapped[bool] = mapped_column(server_default=false(), default=False)

    __table_args__ = (
        Index("ix_comments_comment_thread", "thread_id", "id"),
        Index("ix_comments_comment_created", "created_at"),
    )


class CommentRevision(Base):
    """An earlier wording of a comment; numbers count from 1, the oldest."""

    __tablename__ = "comments_revision"
    comment_id: Mapped[int] = mapped_column(
        ForeignKey("comments_comment.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[str] = mapped_column(Text)
    editor_id: Mapped[int | None] = mapped_column(ForeignKey(_ACCOUNT, ondelete="SET NULL"))
    written_at: Mapped[datetime]
