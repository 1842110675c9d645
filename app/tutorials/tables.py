"""Tutorials: their versions that never change, what is being written, and what readers did."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base
from app.core.sql import by_value
from app.tutorials.schemas import CheckState

_ACCOUNT = "accounts_account.id"
_TUTORIAL = "tutorials_tutorial.id"


class Series(Base):
    """Tutorials that are the chapters of one course; `titles` has one a language."""

    __tablename__ = "tutorials_series"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    slug: Mapped[str] = mapped_column(Text, unique=True)
    owner_id: Mapped[int | None] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="CASCADE"), index=True
    )
    titles: Mapped[dict[str, str]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)


class Tutorial(Base):
    """A tutorial under one address, whatever languages it is written in.

    Without an owner it came with the site. `language` is the one that its twins are translated
    from. Until its first version it is known to its owner alone.
    """

    __tablename__ = "tutorials_tutorial"
    __table_args__ = (Index("ix_tutorials_tutorial_series", "series_id", "chapter"),)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    slug: Mapped[str] = mapped_column(Text, unique=True)
    owner_id: Mapped[int | None] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="CASCADE"), index=True, default=None
    )
    language: Mapped[str] = mapped_column(Text, server_default="en", default="en")
    series_id: Mapped[int | None] = mapped_column(
        ForeignKey("tutorials_series.id", ondelete="SET NULL"), default=None
    )
    chapter: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    thread_id: Mapped[int | None] = mapped_column(
        ForeignKey("comments_thread.id", ondelete="SET NULL"), default=None
    )
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    # Since when nobody but its owner and the moderators reads it.
    held_at: Mapped[datetime | None] = mapped_column(default=None)


class OldSlug(Base):
    """An address a tutorial had before: it leads on to the present one."""

    __tablename__ = "tutorials_old_slug"
    slug: Mapped[str] = mapped_column(Text, primary_key=True)
    tutorial_id: Mapped[int] = mapped_column(ForeignKey(_TUTORIAL, ondelete="CASCADE"), index=True)


class TutorialVersion(Base):
    """One published text in one language. It never changes: an edit publishes the next number.

    `source_number` is the version in the tutorial's own language that a translation follows.
    """

    __tablename__ = "tutorials_version"
    __table_args__ = (UniqueConstraint("tutorial_id", "language", "number"),)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    tutorial_id: Mapped[int] = mapped_column(ForeignKey(_TUTORIAL, ondelete="CASCADE"))
    language: Mapped[str] = mapped_column(Text)
    number: Mapped[int]
    title: Mapped[str] = mapped_column(Text)
    summary: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    published_at: Mapped[datetime] = mapped_column(default_factory=now)
    source_number: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    author_id: Mapped[int | None] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="SET NULL"), index=True, default=None
    )
    note: Mapped[str] = mapped_column(Text, server_default="", default="")


class Draft(Base):
    """What its owner is writing in one language; `revision` rises with every save."""

    __tablename__ = "tutorials_draft"
    tutorial_id: Mapped[int] = mapped_column(
        ForeignKey(_TUTORIAL, ondelete="CASCADE"), primary_key=True
    )
    language: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str] = mapped_column(Text, default="")
    summary: Mapped[str] = mapped_column(Text, default="")
    body: Mapped[str] = mapped_column(Text, default="")
    revision: Mapped[int] = mapped_column(server_default=text("1"), default=1)
    updated_at: Mapped[datetime] = mapped_column(default_factory=now)


class Picture(Base):
    """A picture of a tutorial, as it was written anew; its bytes lie under `sha256`."""

    __tablename__ = "tutorials_picture"
    tutorial_id: Mapped[int] = mapped_column(
        ForeignKey(_TUTORIAL, ondelete="CASCADE"), primary_key=True
    )
    sha256: Mapped[str] = mapped_column(Text, primary_key=True, index=True)
    media_type: Mapped[str] = mapped_column(Text)
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default_factory=now)


class ReadMark(Base):
    """Somebody has read a tutorial."""

    __tablename__ = "tutorials_read"
    account_id: Mapped[int] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="CASCADE"), primary_key=True
    )
    tutorial_id: Mapped[int] = mapped_column(
        ForeignKey(_TUTORIAL, ondelete="CASCADE"), primary_key=True, index=True
    )
    read_at: Mapped[datetime] = mapped_column(default_factory=now)


class RecipeRun(Base):
    """A job that somebody began from a recipe of a version; blocks count from 1.

    `shared`: whoever began it lets everybody see what it came to, not whose it is. `recipe_hash`
    tells whether a later version still holds the very same recipe, so that its runs count there.
    """

    __tablename__ = "tutorials_run"
    __table_args__ = (Index("ix_tutorials_run_recipe", "tutorial_id", "recipe_hash"),)
    job_id: Mapped[int] = mapped_column(
        ForeignKey("jobs_job.id", ondelete="CASCADE"), primary_key=True
    )
    tutorial_id: Mapped[int] = mapped_column(ForeignKey(_TUTORIAL, ondelete="CASCADE"))
    version_id: Mapped[int] = mapped_column(
        ForeignKey("tutorials_version.id", ondelete="CASCADE"), index=True
    )
    block: Mapped[int]
    recipe_hash: Mapped[str] = mapped_column(Text)
    shared: Mapped[bool]


class CheckChoice(Base):
    """Whether a tutorial is checked every night; without a row what came with the site is."""

    __tablename__ = "tutorials_check_choice"
    tutorial_id: Mapped[int] = mapped_column(
        ForeignKey(_TUTORIAL, ondelete="CASCADE"), primary_key=True
    )
    is_on: Mapped[bool]
    by_id: Mapped[int | None] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="SET NULL"), index=True, default=None
    )
    changed_at: Mapped[datetime] = mapped_column(default_factory=now)


class TutorialCheck(Base):
    """One try of all recipes of a tutorial's newest versions.

    Of a broken one: recipe `block` of version `number` in `language` did not run, for `problem`.
    """

    __tablename__ = "tutorials_check"
    __table_args__ = (
        Index("ix_tutorials_check_tutorial", "tutorial_id", "id"),
        Index("ix_tutorials_check_open", "id", postgresql_where=text("state = 'running'")),
        Index("ix_tutorials_check_untold", "id", postgresql_where=text("told_at IS NULL")),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    tutorial_id: Mapped[int] = mapped_column(ForeignKey(_TUTORIAL, ondelete="CASCADE"))
    state: Mapped[CheckState] = mapped_column(by_value(CheckState), default=CheckState.RUNNING)
    started_at: Mapped[datetime] = mapped_column(default_factory=now)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    told_at: Mapped[datetime | None] = mapped_column(default=None)
    problem: Mapped[str] = mapped_column(Text, server_default="", default="")
    fix: Mapped[str] = mapped_column(Text, server_default="", default="")
    block: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    language: Mapped[str] = mapped_column(Text, server_default="", default="")
    number: Mapped[int] = mapped_column(server_default=text("0"), default=0)


class CheckRun(Base):
    """A job of a check: which recipe it tries. It is no reproduction of anything."""

    __tablename__ = "tutorials_check_run"
    job_id: Mapped[int] = mapped_column(
        ForeignKey("jobs_job.id", ondelete="CASCADE"), primary_key=True
    )
    check_id: Mapped[int] = mapped_column(
        ForeignKey("tutorials_check.id", ondelete="CASCADE"), index=True
    )
    block: Mapped[int]
    language: Mapped[str] = mapped_column(Text)
    number: Mapped[int]
