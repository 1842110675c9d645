"""Shapes of the sweeps API, and the states of a sweep."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.jobs.schemas import JobState

_EXAMPLE: dict[str, JsonValue] = {
    "recipe": 1,
    "name": "flowers-rates",
    "task": "image-classification",
    "model": {"base": {"repo": "ada/efficientnet-lite0"}},
    "data": {"train": {"repo": "ada/flowers"}},
    "train": {
        "stages": [
            {"name": "head", "train": ["head"], "epochs": 3, "optimizer": {"lr": 0.003}},
        ]
    },
    "search": {
        "sampler": "tpe",
        "pruner": "median",
        "n_trials": 12,
        "space": {"train.stages.0.optimizer.lr": {"float": [0.0003, 0.03], "log": True}},
    },
}


class SweepState(StrEnum):
    """Where a sweep is. A paused one lets its running trials end and begins no other."""

    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens."""
        return self not in {SweepState.RUNNING, SweepState.PAUSED}


TrialState = Literal[
    "queued", "leased", "running", "finalizing", "succeeded", "failed", "cancelled", "pruned"
]


def trial_state(job_state: JobState, *, pruned: bool) -> TrialState:
    """Return the state of a trial, from its job's and whether the sweep gave it up."""
    if pruned and job_state is JobState.CANCELLED:
        return "pruned"
    return job_state.value


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SweepIn(BaseModel):
    """A recipe with `search`, `cross_validation` or `seeds`: plain values, or YAML or JSON."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"recipe": _EXAMPLE}]}
    )
    recipe: dict[str, JsonValue] | str


class PromoteIn(BaseModel):
    """Where the best trial's model shall live. `private` left out: if data or base are."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    owner: str = Field(max_length=100)
    name: str = Field(max_length=200)
    private: bool | None = None


class TrialOut(_Out):
    """One job of a sweep."""

    point: int = Field(description="Number of the combination of values, from 1.")
    job_id: int
    state: TrialState
    params: dict[str, Any]
    repeat: int
    fold: int = Field(description="Which part validates, from 1; 0 without cross-validation.")
    seed: int
    value: float | None = Field(description="The compared measure, once the job has ended.")
    test_value: float | None
    curve: list[list[float]] = Field(description="Pairs of epoch and the compared measure.")
    pruned: str | None = Field(description="Why the sweep gave this trial up.")


class PointOut(_Out):
    """A combination of values, over its folds and seeds."""

    point: int
    params: dict[str, Any]
    state: Literal["running", "succeeded", "pruned", "failed", "cancelled"]
    mean: float | None
    sd: float | None = Field(description="Sample standard deviation over folds and seeds.")
    test_mean: float | None
    test_sd: float | None
    num_values: int
    job_ids: list[int]


class SweepItem(_Out):
    """A sweep in a list."""

    id: int
    title: str
    task: str
    state: SweepState
    reason: str = Field(description="Why it ended, where that is not plain.")
    metric: str
    direction: Literal["maximize", "minimize"]
    num_jobs: int = Field(description="Jobs there will be if none is given up.")
    num_started: int
    num_ended: int
    best: float | None
    created_at: datetime
    finished_at: datetime | None


class SweepOut(SweepItem):
    """A sweep, whole."""

    recipe: dict[str, Any] = Field(description="The recipe with the blocks of the sweep.")
    points: list[PointOut]
    best_point: int | None
    best_job: int | None = Field(description="The job whose model is best to publish.")
    importance: dict[str, float] = Field(
        description="Share of the differences that each value explains (PED-ANOVA); sums to 1."
    )


class SweepPage(_Out):
    """A page of sweeps, newest first. Send `next_cursor` as `cursor` for the next one."""

    items: list[SweepItem]
    next_cursor: str | None
