"""What a run leaves: its result with every measured number, and the list of its files."""

from typing import Literal

from pydantic import Field, JsonValue

from worker.contract.after_results import EvaluationReport, ExplanationReport, ExportReport
from worker.contract.base import Wire

MAX_WRONG_PER_CELL = 20


class ClassMetrics(Wire):
    """How one class fared. Fractions in [0, 1]; `support` is the number of its images."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


class WrongSample(Wire):
    """A sample put into the wrong class. `probability` is that of the predicted class.

    `text` is how a text begins; other samples have none.
    """

    path: str
    true: str
    predicted: str
    probability: float
    text: str = ""


class SplitMetrics(Wire):
    """Everything measured on one split, in eval mode, once.

    `metric` names the headline measure and `value` is it, with its 95 % interval where one is
    known; `values` holds every measure by name. The tables are those of tasks with classes: a row
    of `confusion` is a true class.
    """

    size: int
    loss: float
    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    values: dict[str, float]
    per_class: tuple[ClassMetrics, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    wrong: tuple[WrongSample, ...] = Field(
        default=(), description="At most 20 for each cell of the confusion matrix."
    )
    samples: tuple[dict[str, JsonValue], ...] = Field(
        default=(), description="A few rows with what the model made of them."
    )


class StageResult(Wire):
    """What a stage did. `samples_per_s` counts training images over training time."""

    index: int
    name: str
    trainable_count: int
    epochs: int
    steps: int
    seconds: float
    samples_per_s: float
    cached: bool
    reason: Literal["complete", "early_stopping"]


class Result(Wire):
    """The whole result of a run: `result.json`."""

    schema_version: Literal[1] = 1
    plan_hash: str
    task: str
    classes: tuple[str, ...] = ()
    split: Literal["test", "validation"] = Field(description="Where the headline measure is from.")
    splits: dict[str, SplitMetrics]
    stages: tuple[StageResult, ...]
    total_count: int
    epochs: int
    seconds: float
    seed: int
    device: str
    versions: dict[str, str]
    weights_sha256: str
    evaluation: EvaluationReport | None = None
    exports: ExportReport | None = None
    explanations: ExplanationReport | None = None

    @property
    def headline(self) -> SplitMetrics:
        """What was measured on the split that counts."""
        return self.splits[self.split]


class ArtifactEntry(Wire):
    """One file a run leaves. `path` is relative to the result folder."""

    path: str
    sha256: str
    size: int
    kind: Literal[
        "weights", "config", "card", "result", "plan", "onnx", "quantized", "explanation", "other"
    ]


class Manifest(Wire):
    """All files of a result: `manifest.json`, written last."""

    schema_version: Literal[1] = 1
    plan_hash: str
    files: tuple[ArtifactEntry, ...]


class CheckpointManifest(Wire):
    """`manifest.json` of a checkpoint folder, written last: complete when its hashes hold.

    `stage` and `epoch` say where training goes on: both count from 1, `epoch` within the stage,
    `epochs_done` over the run.
    """

    schema_version: Literal[1] = 1
    plan_hash: str
    stage: int
    epoch: int
    epochs_done: int
    step: int
    files: dict[str, str]
