"""Sweeps and their trials: what was tried and what came of it. A trial is an ordinary job."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base
from app.core.sql import by_value
from app.sweeps.schemas import SweepState

# Recipes and blocks have schemas of their own in worker.contract.
Json = dict[str, Any]


class Sweep(Base):
    """What a user asked for, and where it stands.

    `recipe` is pinned to commits and holds no block of a sweep; `blocks` holds those. `metric` is
    a measure of the validation images by its plain name.
    """

    __tablename__ = "sweeps_sweep"
    __table_args__ = (
        Index("ix_sweeps_sweep_owner_id_id", "owner_id", text("id DESC")),
        Index("ix_sweeps_sweep_open", "id", postgresql_where=text("finished_at IS NULL")),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    owner_id: Mapped[int] = mapped_column(ForeignKey("accounts_account.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(Text)
    recipe: Mapped[Json] = mapped_column(JSONB)
    blocks: Mapped[Json] = mapped_column(JSONB)
    metric: Mapped[str] = mapped_column(Text)
    maximize: Mapped[bool]
    state: Mapped[SweepState] = mapped_column(
        by_value(SweepState),
        default=SweepState.RUNNING,
        init=False,
    )
    reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), init=False)
    finished_at: Mapped[datetime | None] = mapped_column(default=None, init=False)


class Trial(Base):
    """One job of a sweep: a combination of values (`point`), on one fold, with one seed.

    `point` counts from 1, `fold` too; 0 means none: no fold, or the final training on everything.
    `curve` holds [epoch, value] pairs of the compared measure as far as they are known. `pruned`
    says why the sweep gave the trial up. Its state is the job's.
    """

    __tablename__ = "sweeps_trial"
    __table_args__ = (UniqueConstraint("sweep_id", "point", "repeat", "fold", "seed"),)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    sweep_id: Mapped[int] = mapped_column(ForeignKey("sweeps_sweep.id", ondelete="CASCADE"))
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs_job.id", ondelete="CASCADE"), unique=True)
    point: Mapped[int]
    params: Mapped[Json] = mapped_column(JSONB)
    repeat: Mapped[int]
    fold: Mapped[int]
    seed: Mapped[int] = mapped_column(BigInteger)
    value: Mapped[float | None] = mapped_column(default=None)
    test_value: Mapped[float | None] = mapped_column(default=None)
    curve: Mapped[list[list[float]]] = mapped_column(
        JSONB, default_factory=list, server_default=text("'[]'")
    )
    pruned: Mapped[Json | None] = mapped_column(JSONB(none_as_null=True), default=None)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), init=False)
