"""Shapes of the jobs API: what it takes and what it gives."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.jobs.states import AttemptOutcome, JobState, Priority
from worker.contract.estimate import Estimate
from worker.contract.findings import Severity

__all__ = ["AttemptOutcome", "JobState", "Priority"]

MAX_POINTS = 2000

_EXAMPLE_RECIPE: dict[str, JsonValue] = {
    "recipe": 1,
    "name": "flowers-two-stages",
    "task": "image-classification",
    "model": {"base": {"repo": "ada/efficientnet-lite0"}},
    "data": {"train": {"repo": "ada/flowers"}},
    "train": {
        "batch_size": 32,
        "stages": [
            {
                "name": "head",
                "train": ["head"],
                "epochs": 3,
                "optimizer": {"name": "adamw", "lr": 0.003},
            }
        ],
    },
}


class _In(BaseModel):
    """What a caller sends: unknown keys are refused, so nobody sets what is not theirs to set."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RecipeIn(_In):
    """A recipe: plain values, or its text in YAML or JSON."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"recipe": _EXAMPLE_RECIPE}]}
    )
    recipe: dict[str, JsonValue] | str
    parent: int | None = Field(
        default=None, gt=0, lt=1 << 63, description="Your job whose recipe this one changes."
    )
    shared: bool = Field(
        default=False,
        description="Let everybody see what it comes to and what was changed, without your name.",
    )
    priority: Priority = Field(
        default=Priority.NORMAL,
        description="`interactive` for one job that you wait for, `batch` if it has time.",
    )


class PublishIn(_In):
    """Where the result shall live. `private` left out: private if a data set or base is."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"owner": "ada", "name": "flowers-lite0"}]},
    )
    owner: str
    name: str
    private: bool | None = None
    license: str | None = Field(
        default=None,
        max_length=100,
        description="Licence of the published model; left out, that of the base model.",
    )


class FindingOut(_Out):
    """One thing the doctor found. `path` is the key of the recipe or the first file, if any."""

    code: str
    severity: Severity
    path: str
    message: str
    fix: str
    files: list[str]
    total: int


class ClassCountOut(_Out):
    """How many images of a class each split has."""

    label: str
    counts: dict[str, int]


class CheckOut(_Out):
    """The doctor's answer. `plan` is given when nothing stops the job.

    `needed` is what it will take: bytes of memory at the peak and seconds, each from low to high,
    and by which runs that is known.
    """

    ok: bool
    findings: list[FindingOut]
    plan: dict[str, Any] | None
    plan_hash: str | None
    queue: str
    needed: Estimate | None = None


class InputOut(_Out):
    """A repository the job reads, pinned to a commit."""

    role: str = Field(description="base (base-1, base-2 … in a ranking), data or test.")
    kind: Literal["model", "dataset"]
    repo: str
    commit: str


class HeadlineOut(_Out):
    """The measure a result is judged by; shares lie in [0, 1]."""

    metric: str
    value: float


class JobItem(_Out):
    """A job in a list."""

    id: int
    kind: str = Field(description="fine-tune or rank-models.")
    title: str
    task: str
    state: JobState
    attempt: int
    queue: str
    progress: float = Field(description="Fraction done, in [0, 1].")
    cancel_requested: bool
    headline: HeadlineOut | None = Field(description="The headline measure once it succeeded.")
    inputs: list[InputOut]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobOut(JobItem):
    """A job, whole. `event_seq` is the number of its newest event."""

    owner: str
    recipe: dict[str, Any]
    plan: dict[str, Any]
    plan_hash: str
    failure: dict[str, Any] | None
    result: dict[str, Any] | None
    worker: str | None
    worker_lost_count: int
    num_ahead: int | None = Field(description="Jobs before it in the queue while it waits.")
    rerun_of: int | None
    parent: int | None = Field(description="The job it was begun from.")
    published: str | None = Field(description="`owner/name` of the model it was published as.")
    event_seq: int


class JobPage(_Out):
    """A page of jobs, newest first. Send `next_cursor` as `cursor` for the next one."""

    items: list[JobItem]
    next_cursor: str | None


class EventOut(_Out):
    """Something that happened. `seq` counts from 1 in each job, without gaps."""

    seq: int
    attempt: int
    kind: str
    time: datetime
    payload: dict[str, Any]


class EventPage(_Out):
    """Events in order. `last_seq` is the number to send as `after` next time."""

    items: list[EventOut]
    last_seq: int


class LogLineOut(_Out):
    """A line of the log; `number` counts from 1 in each job."""

    number: int
    attempt: int
    time: datetime
    line: str


class LogPage(_Out):
    """Log lines in order."""

    items: list[LogLineOut]
    last_number: int


class PointOut(_Out):
    """One point of the curves. Steps and epochs count over the run; loss in nats."""

    step: int
    epoch: int
    stage: int
    attempt: int
    loss: float | None
    lr: dict[str, float | None]
    samples_per_s: float | None
    memory_bytes: int | None


class MetricsOut(_Out):
    """The curves: at most about 2,000 points spread evenly, every epoch, and the stages."""

    points: list[PointOut]
    epochs: list[dict[str, Any]]
    stages: list[dict[str, Any]]
    num_points: int


class FileOut(_Out):
    """A stored file."""

    path: str
    kind: str
    sha256: str
    size: int


class ArtifactOut(FileOut):
    """A file the job left, and where to fetch it."""

    attempt: int
    url: str
    created_at: datetime


class CheckpointOut(_Out):
    """A complete checkpoint; a resumed job goes on from the newest one."""

    attempt: int
    stage: int
    epoch: int
    step: int
    size: int
    files: list[FileOut]
    metrics: dict[str, Any]
    created_at: datetime


class AttemptOut(_Out):
    """One execution of the job."""

    number: int
    worker: str
    outcome: AttemptOutcome | None
    resumed_epoch: int | None
    started_at: datetime
    ended_at: datetime | None


class PublishedOut(_Out):
    """The model repository a result became."""

    repo: str
    url: str
    commit: str
    private: bool


class PresetOut(_Out):
    """A ready-made way of fine-tuning; `recipe` holds all but the base and the data."""

    key: str
    title: str
    summary: str
    recipe: dict[str, Any]
