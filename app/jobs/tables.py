"""Jobs: one row is the truth, the rest is what its attempts left."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base
from app.core.sql import by_value
from app.jobs.states import ACTIVE_STATES, AttemptOutcome, JobState
from worker.contract.work import FINE_TUNE_KIND

# Recipes, plans and reports have schemas of their own in worker.contract.
Json = dict[str, Any]

_ACTIVE = ", ".join(f"'{state}'" for state in ACTIVE_STATES)


class Worker(Base):
    """A worker as it last described itself; a name keeps its row when the process restarts."""

    __tablename__ = "jobs_worker"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    name: Mapped[str] = mapped_column(Text, unique=True)
    queues: Mapped[list[str]] = mapped_column(ARRAY(Text))
    capabilities: Mapped[Json] = mapped_column(JSONB)
    version: Mapped[str] = mapped_column(Text, default="")
    registered_at: Mapped[datetime] = mapped_column(
        server_default=func.clock_timestamp(), init=False
    )
    last_seen_at: Mapped[datetime] = mapped_column(
        server_default=func.clock_timestamp(), init=False
    )
    # Set by an administrator: it ends what it does and is given nothing new; or nothing at all.
    drained_at: Mapped[datetime | None] = mapped_column(default=None, init=False)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None, init=False)


class Job(Base):
    """What a user submitted, and where it stands. `kind` says what its plan is a plan of.

    `attempt` is the fence: every write of a worker names it and is refused when it is not this one.
    `lease_until` is set while a worker holds the job, by the database's clock.
    `event_seq` and `log_seq` are the last numbers given out; whoever raises them holds the row's
    lock until commit, so readers see the numbers without gaps.
    """

    __tablename__ = "jobs_job"
    __table_args__ = (
        Index(
            "ix_jobs_job_turns",
            "queue",
            "priority",
            "owner_id",
            "queued_at",
            "id",
            postgresql_where=text("state = 'queued'"),
        ),
        Index(
            "ix_jobs_job_active_owner",
            "owner_id",
            "processes",
            postgresql_where=text(f"state IN ({_ACTIVE})"),
        ),
        Index("ix_jobs_job_leased", "lease_until", postgresql_where=text(f"state IN ({_ACTIVE})")),
        Index("ix_jobs_job_owner_id_id", "owner_id", text("id DESC")),
        Index("ix_jobs_job_fingerprint", "fingerprint", postgresql_where=text("fingerprint <> ''")),
        Index(
            "ix_jobs_job_published",
            "published_repository_id",
            postgresql_where=text("published_repository_id IS NOT NULL"),
        ),
        Index("ix_jobs_job_parent", "parent_id", postgresql_where=text("parent_id IS NOT NULL")),
        Index("ix_jobs_job_changed", text("coalesce(finished_at, queued_at)"), "id"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    owner_id: Mapped[int] = mapped_column(ForeignKey("accounts_account.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(Text)
    task: Mapped[str] = mapped_column(Text)
    recipe: Mapped[Json] = mapped_column(JSONB)
    plan: Mapped[Json] = mapped_column(JSONB)
    plan_hash: Mapped[str] = mapped_column(Text)
    queue: Mapped[str] = mapped_column(Text)
    state: Mapped[JobState] = mapped_column(by_value(JobState), default=JobState.QUEUED, init=False)
    attempt: Mapped[int] = mapped_column(default=0, init=False)
    worker_id: Mapped[int | None] = mapped_column(
        ForeignKey("jobs_worker.id", ondelete="SET NULL"), default=None, init=False
    )
    lease_until: Mapped[datetime | None] = mapped_column(default=None, init=False)
    cancel_requested: Mapped[bool] = mapped_column(default=False, init=False)
    worker_lost_count: Mapped[int] = mapped_column(default=0, init=False)
    progress: Mapped[float] = mapped_column(default=0.0, init=False)
    failure: Mapped[Json | None] = mapped_column(JSONB(none_as_null=True), default=None, init=False)
    # One word for one kind of failure; empty unless it failed.
    fingerprint: Mapped[str] = mapped_column(Text, server_default="", default="", init=False)
    result: Mapped[Json | None] = mapped_column(JSONB(none_as_null=True), default=None, init=False)
    rerun_of: Mapped[int | None] = mapped_column(
        ForeignKey("jobs_job.id", ondelete="SET NULL"), default=None
    )
    # The job it was begun from: the same plan again, or its recipe with changes.
    parent_id: Mapped[int | None] = mapped_column(
        ForeignKey("jobs_job.id", ondelete="SET NULL"), default=None
    )
    # Whether its owner lets everybody see what it came to and what was changed, without a name.
    shared: Mapped[bool] = mapped_column(server_default=false(), default=False)
    kind: Mapped[str] = mapped_column(Text, server_default="fine-tune", default=FINE_TUNE_KIND)
    # 0 is somebody waiting in front of a screen, 1 is as usual, 2 has time.
    priority: Mapped[int] = mapped_column(SmallInteger, server_default=text("1"), default=1)
    # What a worker must have for it: GPUs in the queue of GPUs, else cores.
    processes: Mapped[int] = mapped_column(server_default=text("1"), default=1)
    published_repository_id: Mapped[int | None] = mapped_column(
        ForeignKey("hub_repository.id", ondelete="SET NULL"), default=None, init=False
    )
    event_seq: Mapped[int] = mapped_column(BigInteger, default=0, init=False)
    log_seq: Mapped[int] = mapped_column(BigInteger, default=0, init=False)
    labels: Mapped[dict[str, str]] = mapped_column(
        JSONB, server_default=text("'{}'"), default_factory=dict
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), init=False)
    queued_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), init=False)
    started_at: Mapped[datetime | None] = mapped_column(default=None, init=False)
    finished_at: Mapped[datetime | None] = mapped_column(default=None, init=False)


class JobInput(Base):
    """A repository a job reads, at the commit it was pinned to.

    Roles are base (base-1, base-2 … in a ranking), data and test.

    `name` stays readable after the repository is gone.
    """

    __tablename__ = "jobs_input"
    job_id: Mapped[int] = mapped_column(
        ForeignKey("jobs_job.id", ondelete="CASCADE"), primary_key=True
    )
    role: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    commit: Mapped[str] = mapped_column(Text)
    repository_id: Mapped[int | None] = mapped_column(
        ForeignKey("hub_repository.id", ondelete="SET NULL"), index=True
    )


class Attempt(Base):
    """One execution of a job. `event_seq` is the last event number taken over from its worker."""

    __tablename__ = "jobs_attempt"
    job_id: Mapped[int] = mapped_column(
        ForeignKey("jobs_job.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    worker_name: Mapped[str] = mapped_column(Text)
    resumed_epoch: Mapped[int | None] = mapped_column(default=None)
    event_seq: Mapped[int] = mapped_column(BigInteger, default=0, init=False)
    outcome: Mapped[AttemptOutcome | None] = mapped_column(
        by_value(AttemptOutcome), default=None, init=False
    )
    started_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), init=False)
    ended_at: Mapped[datetime | None] = mapped_column(default=None, init=False)


class JobEvent(Base):
    """Something that happened to a job; `seq` counts from 1 in each job and has no gaps."""

    __tablename__ = "jobs_event"
    job_id: Mapped[int] = mapped_column(
        ForeignKey("jobs_job.id", ondelete="CASCADE"), primary_key=True
    )
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    attempt: Mapped[int]
    kind: Mapped[str] = mapped_column(Text)
    payload: Mapped[Json] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), init=False)


class Point(Base):
    """The numbers of one training step; a later attempt that redoes the step replaces them."""

    __tablename__ = "jobs_point"
    job_id: Mapped[int] = mapped_column(
        ForeignKey("jobs_job.id", ondelete="CASCADE"), primary_key=True
    )
    step: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    attempt: Mapped[int]
    stage: Mapped[int]
    epoch: Mapped[int]
    numbers: Mapped[Json] = mapped_column(JSONB)


class LogLine(Base):
    """One line of a run's log; `number` counts from 1 in each job."""

    __tablename__ = "jobs_log"
    job_id: Mapped[int] = mapped_column(
        ForeignKey("jobs_job.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    attempt: Mapped[int]
    line: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), init=False)


class Artifact(Base):
    """A file an attempt stored; its bytes are in the blob store under `sha256`."""

    __tablename__ = "jobs_artifact"
    job_id: Mapped[int] = mapped_column(
        ForeignKey("jobs_job.id", ondelete="CASCADE"), primary_key=True
    )
    attempt: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), init=False)


class Checkpoint(Base):
    """A complete checkpoint: its row is written last, after every file in `files` was stored."""

    __tablename__ = "jobs_checkpoint"
    __table_args__ = (UniqueConstraint("job_id", "attempt", "stage", "epoch", "step"),)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs_job.id", ondelete="CASCADE"))
    attempt: Mapped[int]
    stage: Mapped[int]
    epoch: Mapped[int]
    step: Mapped[int] = mapped_column(BigInteger)
    files: Mapped[list[Json]] = mapped_column(JSONB)
    metrics: Mapped[Json] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), init=False)


class IdempotencyKey(Base):
    """A submission somebody may send again; it is kept for a day."""

    __tablename__ = "jobs_idempotency"
    __table_args__ = (
        ForeignKeyConstraint(["job_id"], ["jobs_job.id"], ondelete="CASCADE"),
        Index("ix_jobs_idempotency_created_at", "created_at"),
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_account.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)
    job_id: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), init=False)
