"""What happens in a run, told in order: the one stream that feeds pages, logs and the API."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from worker.contract.base import Wire
from worker.contract.failures import Failure
from worker.contract.plan import GroupPlan
from worker.contract.rank import CandidateResult


class _Event(Wire):
    """`seq` counts from 1 within an attempt without gaps; `time` is aware UTC."""

    schema_version: Literal[1] = 1
    seq: int = Field(ge=1)
    time: datetime


class RunStarted(_Event):
    """The engine began. `resumed_from` names the checkpoint it continues from.

    `total_epochs` counts what the work goes on by: epochs, or the candidates of a ranking.
    """

    kind: Literal["RunStarted"] = "RunStarted"
    plan_hash: str
    device: str
    versions: dict[str, str]
    resumed_from: str | None = None
    total_epochs: int = 0


class DataLoaded(_Event):
    """All samples were read. `seconds` is the time it took."""

    kind: Literal["DataLoaded"] = "DataLoaded"
    classes: tuple[str, ...]
    sizes: dict[str, int]
    seconds: float


class StageCount(Wire):
    """What a stage trains, counted on the real network."""

    index: int
    name: str
    trainable_count: int
    groups: tuple[GroupPlan, ...]


class PlanResolved(_Event):
    """The network was built, so the plan's open numbers are known."""

    kind: Literal["PlanResolved"] = "PlanResolved"
    total_count: int
    stages: tuple[StageCount, ...]


class StageStarted(_Event):
    """A stage began. Epochs are the stage's own; stages count from 1."""

    kind: Literal["StageStarted"] = "StageStarted"
    index: int
    name: str
    trainable_count: int
    epochs: int
    steps_per_epoch: int
    groups: tuple[GroupPlan, ...]
    cached: bool = False


class StepPoint(Wire):
    """One point of the curves. `step` and `epoch` count over the whole run; loss in nats."""

    step: int
    epoch: int
    loss: float
    lr: dict[str, float]
    samples_per_s: float
    memory_bytes: int


class StepsReported(_Event):
    """A batch of points of the curves."""

    kind: Literal["StepsReported"] = "StepsReported"
    stage: int
    points: tuple[StepPoint, ...]


class EpochFinished(_Event):
    """One pass ended and was measured. Epochs count over the run.

    `metric` is the task's headline measure; its value on training batches is None where it cannot
    be had from them.
    """

    kind: Literal["EpochFinished"] = "EpochFinished"
    epoch: int
    stage: int
    metric: str
    train_loss: float
    train_value: float | None
    validation_loss: float
    validation_value: float
    values: dict[str, float] = Field(default_factory=dict)
    is_best: bool
    seconds: float
    step: int


class CheckpointSaved(_Event):
    """A checkpoint lies complete on disk. `path` is relative to the attempt's folder."""

    kind: Literal["CheckpointSaved"] = "CheckpointSaved"
    path: str
    sha256: str
    epoch: int
    stage: int
    step: int
    size: int


class LogWritten(_Event):
    """Lines for people."""

    kind: Literal["LogWritten"] = "LogWritten"
    lines: tuple[str, ...]


class StageFinished(_Event):
    """A stage ended. `reason` says why; `restored_epoch` is set when best weights came back."""

    kind: Literal["StageFinished"] = "StageFinished"
    index: int
    name: str
    epochs: int
    seconds: float
    samples_per_s: float
    reason: Literal["complete", "early_stopping"]
    restored_epoch: int | None = None


class RunFinished(_Event):
    """The run succeeded. `value` is the headline measure on `split`, with its 95 % interval."""

    kind: Literal["RunFinished"] = "RunFinished"
    split: str
    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    loss: float
    epochs: int
    seconds: float


class CandidateMeasured(_Event):
    """One candidate of a ranking was measured, or could not be. `done` counts from 1."""

    kind: Literal["CandidateMeasured"] = "CandidateMeasured"
    done: int
    total: int
    candidate: CandidateResult


class RankingFinished(_Event):
    """The ranking is complete. `agreement` is that of its measures."""

    kind: Literal["RankingFinished"] = "RankingFinished"
    seconds: float
    agreement: float | None = None


class RunFailed(_Event):
    """The run ended without a result."""

    kind: Literal["RunFailed"] = "RunFailed"
    failure: Failure


RunEvent = Annotated[
    RunStarted
    | DataLoaded
    | PlanResolved
    | StageStarted
    | StepsReported
    | EpochFinished
    | CheckpointSaved
    | LogWritten
    | StageFinished
    | RunFinished
    | CandidateMeasured
    | RankingFinished
    | RunFailed,
    Field(discriminator="kind"),
]
RUN_EVENT: TypeAdapter[RunEvent] = TypeAdapter(RunEvent)


def parse_event(line: str | bytes) -> RunEvent:
    """Return the event of one JSON line.

    Raises:
        pydantic.ValidationError: not an event of a known version.
    """
    return RUN_EVENT.validate_json(line)
