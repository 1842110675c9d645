"""What a recipe says about the time after training: measure, export, explain; and a teacher."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from worker.contract.base import Written

# Tasks that give one class to each sample: what follows training knows these.
_CLASSIFYING = ("image-classification", "text-classification", "audio-classification")

ColumnName = Annotated[
    str, Field(min_length=1, max_length=200, description="A column of the data set.")
]


class Evaluate(Written):
    """What stands beside the headline number."""

    baseline: Literal["auto"] | bool = Field(
        default="auto",
        description=(
            "Compare with guessing, with random features and with the untouched base; "
            "auto: only where that takes little time beside the training."
        ),
    )
    slices: tuple[ColumnName, ...] = Field(
        default=(), max_length=8, description="Columns whose values are measured apart."
    )
    resamples: int = Field(
        default=1000, ge=100, le=20_000, description="Draws of the bootstrap behind the intervals."
    )
    confidence: float = Field(
        default=0.95, gt=0.5, lt=1, description="How sure an interval is, as a fraction."
    )
    calibration: bool = Field(
        default=True, description="Measure whether 80 % sure is right in 80 % of the cases."
    )


class Prune(Written):
    """Take the least important part of the network out."""

    amount: float = Field(
        default=0.3, gt=0, lt=0.95, description="Part of channels, or of weights, taken out."
    )
    kind: Literal["structured", "unstructured"] = Field(
        default="structured",
        description=(
            "structured: whole channels go and the file shrinks; "
            "unstructured: single weights become zero and the file keeps its size."
        ),
    )
    epochs: int = Field(
        default=1, ge=0, le=100, description="Passes of training afterwards, to heal the cut."
    )
    lr: float = Field(default=1e-4, gt=0, le=10, description="Rate of that training.")


class Export(Written):
    """Other forms of the result. Each is measured; one that lost too much is not kept."""

    formats: tuple[Literal["safetensors", "onnx"], ...] = Field(
        default=("safetensors",), min_length=1, max_length=2, description="Forms to write."
    )
    quantize: Literal["none", "static-int8", "dynamic-int8"] = Field(
        default="none",
        description=(
            "static-int8: weights and activations, calibrated on training samples; "
            "dynamic-int8: weights only, for text."
        ),
    )
    calibration_samples: int = Field(
        default=128, ge=8, le=4096, description="Training samples that set the int8 ranges."
    )
    prune: Prune | None = Field(default=None, description="A smaller network, written as ONNX.")
    max_metric_drop: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="The most the metric may lose; a form that loses more is thrown away.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.formats)) != len(self.formats):
            raise ValueError("formats names one form twice")
        if self.quantize != "none" and "onnx" not in self.formats:
            raise ValueError("quantize works on the ONNX form: add onnx to formats")
        shrinks = self.prune is not None and self.prune.kind == "structured"
        if shrinks and "onnx" not in self.formats:
            raise ValueError("a smaller network is written as ONNX: add onnx to formats")
        return self


class Explain(Written):
    """Show what the network looked at, for a few samples of the measured split."""

    methods: tuple[Literal["grad-cam", "integrated-gradients"], ...] = Field(
        default=(),
        max_length=2,
        description="How; without any, Grad-CAM for images and integrated gradients for texts.",
    )
    samples: int = Field(
        default=9,
        ge=1,
        le=60,
        description="How many: the surest right, the surest wrong and the most uncertain.",
    )


class Distill(Written):
    """Learn from the answers of a larger model as well as from the labels."""

    teacher: str = Field(
        min_length=1,
        max_length=300,
        pattern=r"^[^\s\x00-\x1f]+$",
        description="A model that was fine-tuned on the same classes: `owner/name` or a folder.",
    )
    revision: str | None = Field(
        default=None, max_length=200, description="Branch, tag or commit of the teacher."
    )
    kd_temperature: float = Field(
        default=4.0, gt=0, le=100, description="Softens both answers before they are compared."
    )
    distill_loss_weight: float = Field(
        default=1.0, ge=0, le=1000, description="Weight of the difference to the teacher."
    )
    task_loss_weight: float = Field(
        default=1.0, ge=0, le=1000, description="Weight of the loss on the labels."
    )

    @model_validator(mode="after")
    def _something_to_learn(self) -> Self:
        if not self.distill_loss_weight:
            raise ValueError("with distill_loss_weight 0 the teacher has no effect: remove distill")
        return self


def can_follow(task: str) -> bool:
    """Return whether a task's results can be compared, written otherwise and explained."""
    return task in _CLASSIFYING


def misplaced(
    task: str,
    modality: str,
    export: Export | None,
    explain: Explain | None,
    distill: Distill | None,
) -> str | None:
    """Return what is wrong with the blocks of a recipe for a task, or None."""
    blocks = {"export": export, "explain": explain, "distill": distill}
    given = [name for name, block in blocks.items() if block is not None]
    if given and not can_follow(task):
        return f"{given[0]} has no effect with {task}: remove it"
    if distill is not None and modality != "image":
        return f"distill needs a task on images, {task} is none: remove it"
    if explain is None or modality == "image":
        return None
    if modality != "text":
        return f"explain has no effect with {task}: remove it"
    if "grad-cam" in explain.methods:
        return "explain.methods: grad-cam needs images; choose integrated-gradients"
    return None
