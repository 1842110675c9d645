"""Questions, the posts in their threads, tags, and what happened to them.

A question's words, its answers and the remarks under both are comments (`app.comments`): the first
comment of a question's thread is the question, the others are answers, and each of them may have a
thread of remarks.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Computed,
    ForeignKey,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    desc,
    false,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base
from app.core.sql import by_value
from app.questions.schemas import CloseReason, EditState, Happening, Status

_ACCOUNT = "accounts_account.id"
_QUESTION = "questions_question.id"
_COMMENT = "comments_comment.id"


class Question(Base):
    """A question. `score`, `num_answers` and `active_at` are kept in step with its posts."""

    __tablename__ = "questions_question"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    title: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    author_id: Mapped[int | None] = mapped_column(ForeignKey(_ACCOUNT, ondelete="SET NULL"))
    thread_id: Mapped[int] = mapped_column(ForeignKey("comments_thread.id"), unique=True)
    body_id: Mapped[int] = mapped_column(ForeignKey(_COMMENT), unique=True)
    status: Mapped[Status] = mapped_column(by_value(Status, 24), default=Status.OPEN)
    close_reason: Mapped[CloseReason | None] = mapped_column(
        by_value(CloseReason, 24), default=None
    )
    closed_at: Mapped[datetime | None] = mapped_column(default=None)
    closed_by_id: Mapped[int | None] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="SET NULL"), default=None
    )
    duplicate_of_id: Mapped[int | None] = mapped_column(
        ForeignKey(_QUESTION, ondelete="SET NULL"), default=None
    )
    accepted_id: Mapped[int | None] = mapped_column(
        ForeignKey(_COMMENT, ondelete="SET NULL"), default=None
    )
    pinned: Mapped[bool] = mapped_column(server_default=false(), default=False)
    locked: Mapped[bool] = mapped_column(server_default=false(), default=False)
    is_hidden: Mapped[bool] = mapped_column(server_default=false(), default=False)
    score: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    num_answers: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    snapshot: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), default=None)
    fingerprint: Mapped[str] = mapped_column(Text, server_default="", default="")
    # What is put up for an answer while it can be won, as `app.bounties` says.
    bounty_amount: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    bounty_unit: Mapped[str] = mapped_column(Text, server_default="", default="")
    bounty_until: Mapped[datetime | None] = mapped_column(default=None)
    bounty_by_id: Mapped[int | None] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="SET NULL"), default=None
    )
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    active_at: Mapped[datetime] = mapped_column(default_factory=now)
    # When anything of the row changed; the search reads on from here.
    changed_at: Mapped[datetime] = mapped_column(default_factory=now, onupdate=now)

    __table_args__ = (
        Index("ix_questions_question_changed", "changed_at", "id"),
        Index("ix_questions_question_active", desc("active_at"), desc("id")),
        Index("ix_questions_question_score", desc("score"), desc("id")),
        Index(
            "ix_questions_question_unanswered",
            desc("id"),
            postgresql_where=text("num_answers = 0 AND status = 'open'"),
        ),
        Index("ix_questions_question_author", "author_id", desc("id")),
        Index(
            "ix_questions_question_duplicate_of",
            "duplicate_of_id",
            postgresql_where=text("duplicate_of_id IS NOT NULL"),
        ),
        Index(
            "ix_questions_question_fingerprint",
            "fingerprint",
            postgresql_where=text("fingerprint <> ''"),
        ),
        Index(
            "ix_questions_question_title",
            literal_column("lower(title)").label("start"),
            postgresql_ops={"start": "text_pattern_ops"},
        ),
        Index(
            "ix_questions_question_bounty",
            desc("bounty_until"),
            desc("id"),
            postgresql_where=text("bounty_until IS NOT NULL"),
        ),
        Index("ix_questions_question_pinned", "id", postgresql_where=text("pinned")),
    )


class Post(Base):
    """A question's own words or an answer: what can be voted on. Remarks have no row here."""

    __tablename__ = "questions_post"
    comment_id: Mapped[int] = mapped_column(
        ForeignKey(_COMMENT, ondelete="CASCADE"), primary_key=True
    )
    question_id: Mapped[int] = mapped_column(ForeignKey(_QUESTION, ondelete="CASCADE"))
    is_question: Mapped[bool]
    author_id: Mapped[int | None] = mapped_column(ForeignKey(_ACCOUNT, ondelete="SET NULL"))
    score: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    is_accepted: Mapped[bool] = mapped_column(server_default=false(), default=False)
    # How many runs did better and worse with its patch, and how many votes that counts like.
    num_better: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    num_worse: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    evidence: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    # What answers are ordered by, after the accepted one.
    rank: Mapped[int] = mapped_column(Computed("score + evidence", persisted=True), init=False)
    # What bounties brought its author.
    won_points: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    won_gpu_seconds: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    # Whether it is among its question's `num_answers`: not while it is held back or hidden.
    is_counted: Mapped[bool] = mapped_column(server_default=false(), default=False)
    remarks_id: Mapped[int | None] = mapped_column(
        ForeignKey("comments_thread.id", ondelete="SET NULL"), default=None
    )

    __table_args__ = (
        Index(
            "ix_questions_post_rank",
            *("question_id", desc("is_question"), desc("is_accepted"), desc("rank"), "comment_id"),
        ),
        Index("ix_questions_post_author", "author_id", desc("comment_id")),
    )


class Tag(Base):
    """A word questions are filed under. A synonym leads to its main tag and files nothing."""

    __tablename__ = "questions_tag"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    name: Mapped[str] = mapped_column(Text, unique=True)
    parent_id: Mapped[int | None] = mapped_column(
        ForeignKey("questions_tag.id", ondelete="SET NULL"), default=None, index=True
    )
    synonym_of_id: Mapped[int | None] = mapped_column(
        ForeignKey("questions_tag.id", ondelete="CASCADE"), default=None, index=True
    )
    about_en: Mapped[str] = mapped_column(Text, server_default="", default="")
    about_zh: Mapped[str] = mapped_column(Text, server_default="", default="")
    num_questions: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)

    __table_args__ = (Index("ix_questions_tag_used", desc("num_questions"), "id"),)


class QuestionTag(Base):
    """A question under a tag; sort keys stand here again, so that a tag's page is one index walk.

    `is_own` is false for the wider tags that a narrower one brings along.
    """

    __tablename__ = "questions_question_tag"
    tag_id: Mapped[int] = mapped_column(
        ForeignKey("questions_tag.id", ondelete="CASCADE"), primary_key=True
    )
    question_id: Mapped[int] = mapped_column(
        ForeignKey(_QUESTION, ondelete="CASCADE"), primary_key=True, index=True
    )
    is_own: Mapped[bool]
    position: Mapped[int]
    score: Mapped[int]
    active_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_questions_question_tag_active", "tag_id", desc("active_at"), desc("question_id")),
        Index("ix_questions_question_tag_score", "tag_id", desc("score"), desc("question_id")),
    )


class QuestionEvent(Base):
    """Something that happened to a question; `data` holds what it was before and is now."""

    __tablename__ = "questions_event"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    question_id: Mapped[int] = mapped_column(ForeignKey(_QUESTION, ondelete="CASCADE"), index=True)
    kind: Mapped[Happening] = mapped_column(by_value(Happening, 24))
    author_id: Mapped[int | None] = mapped_column(ForeignKey(_ACCOUNT, ondelete="SET NULL"))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, default_factory=dict)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)


class SuggestedEdit(Base):
    """A wording somebody proposes for a post that is not theirs."""

    __tablename__ = "questions_suggested_edit"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    comment_id: Mapped[int] = mapped_column(ForeignKey(_COMMENT, ondelete="CASCADE"), index=True)
    question_id: Mapped[int] = mapped_column(ForeignKey(_QUESTION, ondelete="CASCADE"), index=True)
    author_id: Mapped[int | None] = mapped_column(ForeignKey(_ACCOUNT, ondelete="SET NULL"))
    title: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text))
    reason: Mapped[str] = mapped_column(Text)
    base_edits: Mapped[int]
    state: Mapped[EditState] = mapped_column(by_value(EditState, 24), default=EditState.WAITING)
    decided_by_id: Mapped[int | None] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="SET NULL"), default=None
    )
    decision: Mapped[str] = mapped_column(Text, server_default="", default="")
    created_at: Mapped[datetime] = mapped_column(default_factory=now)

    __table_args__ = (
        Index(
            "ix_questions_suggested_edit_waiting", "id", postgresql_where=text("state = 'waiting'")
        ),
    )


class Draft(Base):
    """What somebody has begun to write for one place; `version` counts how often it was kept."""

    __tablename__ = "questions_draft"
    author_id: Mapped[int] = mapped_column(
        ForeignKey(_ACCOUNT, ondelete="CASCADE"), primary_key=True
    )
    target: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    tags: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    updated_at: Mapped[datetime] = mapped_column(default_factory=now)


class Twin(Base):
    """A question in English and the same one in Chinese; each has at most one of the other."""

    __tablename__ = "questions_twin"
    en_id: Mapped[int] = mapped_column(ForeignKey(_QUESTION, ondelete="CASCADE"), primary_key=True)
    zh_id: Mapped[int] = mapped_column(ForeignKey(_QUESTION, ondelete="CASCADE"), unique=True)
    linked_by_id: Mapped[int | None] = mapped_column(ForeignKey(_ACCOUNT, ondelete="SET NULL"))
    linked_at: Mapped[datetime] = mapped_column(default_factory=now)


class Trial(Base):
    """A recipe patch of an answer, tried on somebody's run; what came of it the worker says."""

    __tablename__ = "questions_trial"
    job_id: Mapped[int] = mapped_column(
        ForeignKey("jobs_job.id", ondelete="CASCADE"), primary_key=True
    )
    comment_id: Mapped[int] = mapped_column(ForeignKey(_COMMENT, ondelete="CASCADE"), index=True)
    base_job_id: Mapped[int | None] = mapped_column(
        ForeignKey("jobs_job.id", ondelete="SET NULL"), index=True
    )
    tried_by_id: Mapped[int] = mapped_column(ForeignKey(_ACCOUNT, ondelete="CASCADE"))
    # Whether its owner lets everybody see what came of it.
    shared: Mapped[bool] = mapped_column(server_default=false(), default=False)
    # Which patch was tried: what an edited answer says now has to be tried anew.
    patch_hash: Mapped[str] = mapped_column(Text, server_default="", default="")
    created_at: Mapped[datetime] = mapped_column(default_factory=now)


class Sandbox(Base):
    """What an asker lets answerers run on the asker's account: a recipe, so often, so long.

    `max_runs` counts all runs there ever were; nobody runs anything after `until`.
    """

    __tablename__ = "questions_sandbox"
    question_id: Mapped[int] = mapped_column(
        ForeignKey(_QUESTION, ondelete="CASCADE"), primary_key=True
    )
    owner_id: Mapped[int] = mapped_column(ForeignKey(_ACCOUNT, ondelete="CASCADE"), index=True)
    recipe: Mapped[str] = mapped_column(Text, default="")
    max_runs: Mapped[int] = mapped_column(default=0)
    max_minutes: Mapped[float] = mapped_column(default=0.0)
    until: Mapped[datetime] = mapped_column(default_factory=now)
    is_open: Mapped[bool] = mapped_column(server_default=false(), default=False)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)


class SandboxRun(Base):
    """A job of the asker's that an answerer began; `num` counts from 1 in each question."""

    __tablename__ = "questions_sandbox_run"
    # The number is the asker's, not the runner's.
    job_id: Mapped[int] = mapped_column(
        ForeignKey("jobs_job.id", ondelete="CASCADE"), primary_key=True, info={"export": False}
    )
    question_id: Mapped[int] = mapped_column(
        ForeignKey("questions_sandbox.question_id", ondelete="CASCADE")
    )
    num: Mapped[int]
    runner_id: Mapped[int] = mapped_column(ForeignKey(_ACCOUNT, ondelete="CASCADE"), index=True)
    patch: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default_factory=now)

    __table_args__ = (UniqueConstraint("question_id", "num"),)
