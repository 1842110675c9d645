"""How training goes: batches, losses, averages, imbalance, early stopping."""

from typing import Annotated, Literal

from pydantic import Field

from worker.contract.base import Written
from worker.contract.choices import SizeOrAuto
from worker.contract.stages import StageOrMacro

# What `batch_size: auto` aims at: this many updates in an epoch, within the two sizes.
_UPDATES_PER_EPOCH = 20
_LEAST_BATCH, _MOST_BATCH = 8, 128
USUAL_BATCH = 32


class Imbalance(Written):
    """What is done when some classes have far more samples than others; on training only."""

    class_weight: (
        Literal["none", "balanced", "effective-number"]
        | dict[str, Annotated[float, Field(gt=0, le=1000)]]
    ) = Field(default="none", description="Weight of each class in the loss; or class to weight.")
    sampler: Literal["none", "oversample", "undersample"] = Field(
        default="none",
        description=(
            "oversample: samples of small classes are repeated until all are equal; "
            "undersample: each epoch draws as many of every class as the smallest has."
        ),
    )
    synthesize: Literal["none", "smote"] = Field(
        default="none",
        description="smote: new feature vectors between neighbours of one class; head only.",
    )
    sample_weight_column: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description=(
            "Column with a weight for each training sample in the loss, 0 or more; measuring "
            "counts all samples alike."
        ),
    )


class EarlyStopping(Written):
    """End a stage when validation no longer improves."""

    monitor: str = Field(
        default="auto",
        pattern=r"^(auto|validation/[a-z0-9_]+)$",
        description=(
            "The number that must improve: `auto` is the task's headline measure, else "
            "`validation/loss` or another of its measures."
        ),
    )
    patience: int = Field(default=3, ge=1, le=1000, description="Epochs without improvement.")
    min_delta: float = Field(default=0.0, ge=0, description="Less than this is no improvement.")
    restore_best: bool = Field(
        default=True, description="At the end of a stage, go back to the best weights so far."
    )


class Train(Written):
    """How training goes."""

    batch_size: SizeOrAuto = Field(
        default=USUAL_BATCH,
        description="Samples at a time; auto: by the size of the data, about 20 updates an epoch.",
    )
    gradient_accumulation_steps: int = Field(
        default=1, ge=1, le=1024, description="Batches that make one update together."
    )
    eval_batch_size: int | None = Field(
        default=None, ge=1, le=65536, description="Images at a time when measuring."
    )
    mixed_precision: Literal["auto", "no", "fp16", "bf16"] = Field(
        default="auto",
        description="auto: bf16 on a GPU that has it, else none; fp16 needs a GPU.",
    )
    gradient_checkpointing: bool = Field(
        default=False,
        description="Compute the inside of blocks twice: slower, with less memory.",
    )
    loss: Literal["cross_entropy", "focal"] = Field(
        default="cross_entropy", description="focal: easy samples count less and less."
    )
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="Part of the target spread over all classes."
    )
    l2_sp: float = Field(
        default=0.0, ge=0, le=100, description="Pull of trained layers back to the base's weights."
    )
    model_ema_decay: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Keep a running mean of the weights, such as 0.999; it is what is measured.",
    )
    max_bad_batches: int = Field(
        default=3,
        ge=0,
        le=1000,
        description="Batches in a row without a finite loss that are passed over.",
    )
    early_stopping: EarlyStopping | None = None
    stages: tuple[StageOrMacro, ...] = Field(min_length=1, max_length=40)

    @property
    def usual_batch(self) -> int:
        """The batch size where the size of the data is not known."""
        return USUAL_BATCH if self.batch_size == "auto" else self.batch_size

    def batch_for(self, count: int) -> int:
        """Return the batch size for so many training samples; the same on every machine."""
        if self.batch_size != "auto":
            return self.batch_size
        size = _LEAST_BATCH
        while size < _MOST_BATCH and size * 2 * _UPDATES_PER_EPOCH <= count:
            size *= 2
        return size
