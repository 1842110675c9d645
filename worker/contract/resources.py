"""What a recipe says of the machine: which, how much of it, and for how long."""

from typing import Annotated, Literal, Protocol, Self

from pydantic import Discriminator, Field, Tag, model_validator

from worker.contract.after import Distill
from worker.contract.base import Written
from worker.contract.choices import NUMBER, Auto, which
from worker.contract.multi_task import MultiTask
from worker.contract.stages import Stage
from worker.contract.strategies import SemiSupervised
from worker.contract.training import Imbalance, Train

MOST_PROCESSES = 64
CountOrAuto = Annotated[
    Annotated[int, Field(ge=1, le=MOST_PROCESSES), Tag(NUMBER)] | Auto, Discriminator(which)
]

# Of these the mean over all samples is no mean of the means over parts of them.
_WHOLE_BATCH = {
    "object-detection": "its loss is shared out over the objects of a whole batch",
    "recommendation": "every choice of a batch is compared with all others of it",
    "reinforcement-learning": "an agent does not learn from batches of samples",
}
# Updates of these look at a whole matrix, and a process would hold only some of its rows.
_WHOLE_MATRIX = ("muon", "adafactor")


class Resources(Written):
    """Limits of a run."""

    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="auto: a GPU where there is one."
    )
    processes: CountOrAuto = Field(
        default="auto",
        description=(
            "Processes that share every batch, on GPUs one for each; auto: as many as there are "
            "GPUs, as long as each gets at least 8 samples of a batch."
        ),
    )
    strategy: Literal["auto", "ddp", "fsdp2"] = Field(
        default="auto",
        description=(
            "With several processes. ddp: each holds all weights; fsdp2: each holds a part; "
            "auto: ddp, unless weights and optimizer do not fit one GPU."
        ),
    )
    max_minutes: float | None = Field(
        default=None, gt=0, le=100_000, description="The run ends with a message after this time."
    )
    checkpoint_every_s: float = Field(
        default=300, ge=1, le=86_400, description="Seconds between checkpoints inside an epoch."
    )

    @model_validator(mode="after")
    def _effective(self) -> Self:
        if self.processes == 1 and self.strategy != "auto":
            raise ValueError("strategy has no effect with one process: remove it")
        return self

    @property
    def least_processes(self) -> int:
        """How many GPUs or cores a machine must have for the run to begin."""
        return 1 if self.processes == "auto" else self.processes

    @property
    def may_be_shared(self) -> bool:
        """Whether several processes may work on the run, if the machine has GPUs for them."""
        return self.processes != 1


class _Data(Protocol):
    @property
    def imbalance(self) -> Imbalance: ...


class _Recipe(Protocol):
    """What of a recipe is looked at here; the recipe itself imports this module."""

    @property
    def task(self) -> str: ...
    @property
    def data(self) -> _Data: ...
    @property
    def train(self) -> Train: ...
    @property
    def distill(self) -> Distill | None: ...
    @property
    def multi_task(self) -> MultiTask | None: ...
    @property
    def semi_supervised(self) -> SemiSupervised | None: ...
    @property
    def stages(self) -> list[Stage]: ...
    @property
    def resources(self) -> Resources: ...


def undivided(recipe: _Recipe) -> str | None:
    """Return why the batches of a recipe cannot be shared by several processes, or None."""
    if recipe.task in _WHOLE_BATCH:
        return _WHOLE_BATCH[recipe.task]
    if recipe.multi_task is not None:
        return "the tasks of multi_task weigh samples in ways of their own"
    has_second_loss = recipe.distill is not None or recipe.semi_supervised is not None
    imbalance = recipe.data.imbalance
    weighs = imbalance.class_weight != "none" or imbalance.sample_weight_column is not None
    if has_second_loss and weighs:
        return "its two losses weigh samples differently (data.imbalance)"
    return None


def indivisible(recipe: _Recipe) -> str | None:
    """Return what of a recipe needs every weight in one piece, which fsdp2 does not have, or None.

    Muon and Adafactor look at whole matrices, l2_sp and the mean teacher at the weights beside the
    gradient, and the scale of fp16 is one of whole gradients.
    """
    for stage in recipe.stages:
        if stage.optimizer.name in _WHOLE_MATRIX:
            return f"optimizer {stage.optimizer.name}"
    if recipe.train.l2_sp:
        return "train.l2_sp"
    if recipe.train.mixed_precision == "fp16":
        return "train.mixed_precision fp16"
    method = recipe.semi_supervised.method if recipe.semi_supervised is not None else None
    return "semi_supervised.method mean-teacher" if method == "mean-teacher" else None


def unshared(recipe: _Recipe) -> str | None:
    """Return why a recipe cannot run in as many processes as it asks for, or None."""
    wanted, size = recipe.resources, recipe.train.batch_size
    if wanted.least_processes > 1 or wanted.strategy != "auto":
        reason = undivided(recipe)
        if reason is not None:
            return f"resources: this runs in one process, because {reason}; remove processes"
    if size != "auto" and size < wanted.least_processes:
        return (
            f"resources.processes: {wanted.least_processes} processes share a train.batch_size of "
            f"{size}; give each at least one sample"
        )
    whole = indivisible(recipe)
    if wanted.strategy == "fsdp2" and whole is not None:
        return f"resources.strategy: fsdp2 cannot go with {whole}; use ddp"
    return None
