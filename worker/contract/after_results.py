"""What was found out after training: comparisons, forms of the result and explanations."""

from typing import Literal

from pydantic import Field

from worker.contract.base import Wire

ReasonCode = Literal[
    "",
    "metric_drop",
    "difference",
    "not_exportable",
    "nothing_to_prune",
    "no_feature_map",
    "too_slow",
]


class Estimate(Wire):
    """A measured number with its interval; fractions where the metric is one."""

    name: str
    value: float
    low: float
    high: float


class BaselineResult(Estimate):
    """What something simpler reaches on the same samples. `seconds` is what it took.

    `num_rows` is from how many training samples it was learnt: as many as the time allowed, so the
    same recipe on another machine may learn from more or fewer. None where that says nothing.
    """

    name: Literal["majority", "random-features", "pretrained-features", "bag-of-words", "mean"]
    seconds: float
    num_rows: int | None = None


class Slice(Wire):
    """The metric on a part of the split: those samples whose `by` is `value`."""

    by: str
    value: str
    size: int
    metric: float
    low: float
    high: float


class CalibrationBin(Wire):
    """Samples whose confidence lies between `low` and `high`; means of them."""

    low: float
    high: float
    size: int
    confidence: float
    accuracy: float


class Calibration(Wire):
    """Whether confidence can be believed.

    `ece` is the mean distance between confidence and accuracy over the bins. Dividing the scores
    by `temperature` gives `ece_scaled`; it was fitted on the split `fitted_on`.
    """

    ece: float
    bins: tuple[CalibrationBin, ...]
    temperature: float
    ece_scaled: float
    fitted_on: str


class EvaluationReport(Wire):
    """Everything beside the headline. `skipped` says why baselines are missing."""

    split: str
    metric: str
    confidence: float
    resamples: int
    intervals: tuple[Estimate, ...] = ()
    baselines: tuple[BaselineResult, ...] = ()
    skipped: ReasonCode = ""
    slices: tuple[Slice, ...] = ()
    calibration: Calibration | None = None


class ExportedForm(Wire):
    """One form of the result, measured.

    `size` in bytes beside `reference_size` of the same in full numbers; `drop` is what the metric
    lost against the trained network (negative when it gained). `path` is empty where the form was
    not kept. `max_difference` and `agreement` compare scores and decisions with torch.
    """

    format: Literal["safetensors", "onnx", "onnx-int8", "onnx-pruned", "sparse"]
    path: str = ""
    verdict: Literal["kept", "rejected", "failed", "no-gain"]
    reason: ReasonCode = ""
    detail: str = ""
    size: int = 0
    reference_size: int = 0
    value: float | None = None
    drop: float | None = None
    max_difference: float | None = None
    agreement: float | None = None
    milliseconds: float | None = Field(
        default=None, description="Of one sample at a time on the CPU."
    )
    parameters: int | None = None
    sparsity: float | None = None
    seconds: float = 0.0


class ExportReport(Wire):
    """All forms of a result. `value` is the metric of the trained network on `split`."""

    split: str
    metric: str
    value: float
    max_metric_drop: float
    forms: tuple[ExportedForm, ...]


class TokenWeight(Wire):
    """A piece of text and how much it speaks for the decision; negative speaks against it."""

    text: str
    weight: float


class Attribution(Wire):
    """One map over one sample. `path` is a picture; `tokens` where the sample is text.

    `completeness` is how far the weights' sum misses the change of the score, as a fraction of it.
    """

    method: Literal["grad-cam", "integrated-gradients"]
    path: str = ""
    tokens: tuple[TokenWeight, ...] = ()
    completeness: float | None = None


class ExplainedSample(Wire):
    """A sample with its maps. `picture` is the sample as the network saw it."""

    key: str
    true: str
    predicted: str
    probability: float
    chosen: Literal["confident-right", "confident-wrong", "uncertain"]
    picture: str = ""
    attributions: tuple[Attribution, ...] = ()


class ExplanationReport(Wire):
    """What the network looked at.

    `likeness_to_random` is the correlation of the maps with those of the same network with random
    weights: near 1 would mean that the maps say nothing about what was learned.
    """

    split: str
    layer: str = ""
    skipped: ReasonCode = ""
    samples: tuple[ExplainedSample, ...] = ()
    likeness_to_random: float | None = None
    seconds: float = 0.0
