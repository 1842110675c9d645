"""The recipe: what a user writes. Only what the engine really does may be written here."""

from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from worker.contract.adapters import Adapter, untrained_adapter
from worker.contract.after import Distill, Evaluate, Explain, Export, misplaced
from worker.contract.audio_keys import AudioKeys
from worker.contract.augment import Augment
from worker.contract.base import Written
from worker.contract.environment import Environment, misfit
from worker.contract.items import SLICE_VALUE, TASK_VALUE, WEIGHT
from worker.contract.multi_task import MultiTask, unfit_together
from worker.contract.relevance import idle_fields
from worker.contract.resources import Resources, unshared
from worker.contract.stages import GradualUnfreezing, Stage, expand_stages
from worker.contract.strategies import SemiSupervised, unfit_strategy
from worker.contract.tasks import MEASURES, TASKS, TaskName, TaskSpec
from worker.contract.text_keys import TextKeys
from worker.contract.training import Imbalance, Train

RepoName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=300,
        pattern=r"^[^\s\x00-\x1f]+$",
        description="`owner/name` on this site; alone also `torchvision/…`, `timm/…` or a folder.",
    ),
]
Revision = Annotated[
    str, Field(min_length=1, max_length=200, description="Branch, tag or commit; pinned at submit.")
]
SplitName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        pattern=r"^[^/\s]+$",
        description="The split, as its folder or column names it.",
    ),
]


class Base(Written):
    """The pretrained model to start from."""

    repo: RepoName
    revision: Revision | None = Field(
        default=None, description="Branch, tag or commit; pinned when the job is submitted."
    )
    weights: Literal["pretrained", "random"] = Field(
        default="pretrained",
        description="random: the same architecture without its weights, for a comparison.",
    )


class Head(Written):
    """The new last part of the network, which tells the classes apart."""

    type: Literal["auto", "linear", "mlp", "keep"] = Field(
        default="auto",
        description=(
            "auto: only the last layer is replaced; linear: one layer straight on the features; "
            "mlp: hidden layers too; keep: the checkpoint's own head, for the same classes."
        ),
    )
    hidden: tuple[Annotated[int, Field(ge=1, le=16384)], ...] = Field(
        default=(), max_length=4, description="For mlp: sizes of the hidden layers."
    )
    pool: Literal["auto", "avg", "flatten"] = Field(
        default="auto", description="How a feature map becomes a vector: mean, or all values."
    )
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Part of the inputs dropped.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.type == "mlp" and not self.hidden:
            raise ValueError("an mlp head needs hidden: the sizes of its hidden layers")
        if self.type != "mlp" and self.hidden:
            raise ValueError(f"hidden has no effect with a {self.type} head: use type mlp")
        if self.type == "keep" and (self.dropout or self.pool != "auto"):
            raise ValueError("a kept head is not changed: remove pool and dropout")
        if self.type == "auto" and self.pool != "auto":
            raise ValueError("pool is chosen with a linear or mlp head: set type")
        return self


class StemLayer(Written):
    """What one of the first layers is replaced by: another convolution, or nothing."""

    kernel_size: int | None = Field(default=None, ge=1, le=15, description="Size in pixels.")
    stride: int = Field(default=1, ge=1, le=4, description="Step in pixels.")
    padding: int | None = Field(
        default=None, ge=0, le=7, description="Border in pixels; half the kernel size if not given."
    )
    identity: Literal[True] | None = Field(default=None, description="Take the layer out.")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.kernel_size is None) == (self.identity is None):
            raise ValueError("a stem layer is {kernel_size: …} or {identity: true}")
        if self.identity and (self.stride != 1 or self.padding is not None):
            raise ValueError("identity takes no stride and no padding")
        return self


class Stem(Written):
    """Surgery on the first layers, for small images."""

    replace: dict[str, StemLayer] = Field(
        default_factory=dict,
        max_length=8,
        description="Module name to its replacement, for example `conv1: {kernel_size: 3}`.",
    )
    init: Literal["center_pretrained", "random"] = Field(
        default="center_pretrained",
        description="New kernels: the centre of the pretrained kernel, or random numbers.",
    )


class ModelBlock(Written):
    """The network: where it starts from and what is changed."""

    base: Base
    head: Head = Head()
    stem: Stem = Stem()
    adapter: Adapter | None = None
    drop_path: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description=(
            "Part of the samples that pass by the last block in training, less before it; "
            "else what the network does by itself."
        ),
    )


class DataSource(Written):
    """A data set, or one split of it."""

    repo: RepoName
    revision: Revision | None = Field(
        default=None, description="Branch, tag or commit; pinned when the job is submitted."
    )
    split: SplitName | None = Field(
        default=None, description="The split, as its folder or column names it."
    )


class Validation(Written):
    """Where the images come from that decide when to stop; never the test split."""

    split: SplitName | None = Field(
        default=None, description="A split of the training data set; else its own validation split."
    )
    fraction: float = Field(
        default=0.1, gt=0, lt=1, description="Without such a split: part taken from training."
    )
    stratify: bool = Field(default=True, description="Take the part from each class equally.")
    folds: int | None = Field(
        default=None, ge=2, le=20, description="Cross-validation: the number of equal parts."
    )
    fold: int | None = Field(
        default=None, ge=1, le=20, description="Which of the parts validates, counted from 1."
    )
    fold_seed: int | None = Field(
        default=None, ge=0, le=2**32, description="Divides the parts; else the seed of the recipe."
    )

    @model_validator(mode="after")
    def _one_of_the_parts(self) -> Self:
        if (self.folds is None) != (self.fold is None):
            raise ValueError("folds and fold belong together: how many parts, and which validates")
        if self.fold is None and self.fold_seed is not None:
            raise ValueError("fold_seed has no effect without folds: remove it")
        if self.fold is not None and self.folds is not None:
            if self.fold > self.folds:
                raise ValueError(f"there are only {self.folds} folds")
            if self.split is not None:
                raise ValueError("with folds no split validates: remove split")
        return self


class Columns(Written):
    """Names of the columns of a table; those not named are found by themselves."""

    image: str = Field(default="image", description="Column with the path of the image.")
    label: str = Field(default="label", description="Column with the class.")
    split: str | None = Field(default=None, description="Column with the split, if there is one.")
    text: str | None = Field(default=None, description="Column with the text.")
    text_pair: str | None = Field(
        default=None, description="Column with the second text of a pair."
    )
    tokens: str | None = Field(
        default=None,
        description="Column with the tokens; in CoNLL files its number, from 0.",
    )
    tags: str | None = Field(
        default=None,
        description="Column with the tags of the tokens; in CoNLL files its number, from 0.",
    )
    audio: str | None = Field(default=None, description="Column with the path of the recording.")
    mask: str | None = Field(default=None, description="Column with the path of the mask.")
    objects: str | None = Field(default=None, description="Column with the list of boxes.")
    question: str | None = Field(default=None, description="Column with the question.")
    context: str | None = Field(
        default=None, description="Column with the text that holds the answer."
    )
    answers: str | None = Field(default=None, description="Column with the answers.")
    messages: str | None = Field(default=None, description="Column with the conversation.")
    user: str | None = Field(default=None, description="Column with the user.")
    item: str | None = Field(default=None, description="Column with what the user chose.")
    rating: str | None = Field(default=None, description="Column with the rating.")
    timestamp: str | None = Field(
        default=None, description="Column with the time of an interaction."
    )
    target: str | None = Field(
        default=None, description="Column with the number to predict, in place of a class."
    )
    group: str | None = Field(
        default=None,
        description="Column with what must stay together: rows of one group are never parted.",
    )


class ReadColumns(Columns):
    """The columns of a recipe with those that its other blocks name, by the value they become."""

    also: dict[str, str] = Field(default_factory=dict)


class Normalization(Written):
    """Numbers subtracted from and divided into each colour, for values from 0 to 1."""

    mean: tuple[float, float, float] = Field(description="Mean of red, green and blue.")
    std: tuple[
        Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]
    ] = Field(description="Standard deviation of red, green and blue.")


class Data(TextKeys, AudioKeys):
    """The samples: which, how they are split and how they are prepared."""

    train: DataSource
    test: DataSource | None = Field(
        default=None, description="Without it, the data set's own test split if it has one."
    )
    unlabeled: DataSource | None = Field(
        default=None, description="Samples without a label, for semi_supervised."
    )
    validation: Validation = Validation()
    columns: Columns = Columns()
    normalize: Literal["pretrained", "dataset", "none"] | Normalization = Field(
        default="pretrained",
        description="pretrained: the checkpoint's own numbers; dataset: measured on training.",
    )
    image_size: int | None = Field(
        default=None, ge=8, le=1024, description="Side in pixels; else the checkpoint's own."
    )
    imbalance: Imbalance = Imbalance()


class Reproducibility(Written):
    """What makes a second run equal the first."""

    seed: int = Field(default=42, ge=0, le=2**31 - 1, description="Seed of all random numbers.")
    deterministic: bool = Field(
        default=True, description="Choose algorithms that give the same result in every run."
    )


class Recipe(Written):
    """Everything a user decides about a fine-tuning job."""

    recipe: Literal[1] = Field(default=1, description="Version of the recipe format.")
    name: str = Field(
        min_length=1,
        max_length=96,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="A short name for the job.",
    )
    task: TaskName = Field(default="image-classification", description="What the model shall do.")
    model: ModelBlock
    data: Data
    env: Environment | None = None
    augment: Augment = Augment()
    train: Train
    evaluate: Evaluate = Evaluate()
    export: Export | None = None
    explain: Explain | None = None
    distill: Distill | None = None
    semi_supervised: SemiSupervised | None = None
    multi_task: MultiTask | None = None
    reproducibility: Reproducibility = Reproducibility()
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _fits_task(self) -> Self:
        idle = idle_fields(self, self.task, self.spec.modality)
        if idle:
            raise ValueError(f"{idle[0]} has no effect with {self.task}: remove it")
        blocks = (self.export, self.explain, self.distill)
        wrong = misplaced(self.task, self.spec.modality, *blocks)
        wrong = wrong or misfit(self.task, self.env, self.data.train.repo)
        wrong = wrong or untrained_adapter(self.model.adapter, self.stages)
        wrong = wrong or unfit_strategy(self) or unshared(self)
        wrong = wrong or unfit_together(self)
        if wrong:
            raise ValueError(wrong)
        stopping = self.train.early_stopping
        if stopping is not None and stopping.monitor != "auto":
            known = ("loss", *self.spec.metrics)
            if stopping.monitor.removeprefix("validation/") not in known:
                names = ", ".join(f"validation/{name}" for name in known)
                raise ValueError(
                    f"train.early_stopping.monitor: {self.task} measures {names}; choose one"
                )
        return self

    @property
    def spec(self) -> TaskSpec:
        """What the task needs and how it is judged."""
        return TASKS[self.task]

    @property
    def read_columns(self) -> Columns:
        """The columns that are read from the data."""
        also = {f"{SLICE_VALUE}{column}": column for column in self.evaluate.slices}
        weight = self.data.imbalance.sample_weight_column
        if weight is not None:
            also[WEIGHT] = weight
        columns = self.data.columns
        if self.multi_task is not None:
            main, *further = self.multi_task.tasks
            also |= {f"{TASK_VALUE}{task.name}": task.column or "" for task in further}
            columns = columns.model_copy(update={"label": main.column or columns.label})
        return ReadColumns(**dict(columns), also=also) if also else columns

    @property
    def monitor(self) -> str:
        """The measure that picks the best epoch, by its plain name."""
        stopping = self.train.early_stopping
        if stopping is None or stopping.monitor == "auto":
            return self.spec.metric
        return stopping.monitor.removeprefix("validation/")

    @property
    def monitor_rises(self) -> bool:
        """Whether a higher value of the monitored measure is better."""
        return MEASURES[self.monitor].higher_is_better

    @property
    def stages(self) -> list[Stage]:
        """The stages in order, macros expanded."""
        return expand_stages(self.train.stages)

    @property
    def uses_gradual_unfreezing(self) -> bool:
        """Whether some stages come from the gradual-unfreezing macro."""
        return any(isinstance(stage, GradualUnfreezing) for stage in self.train.stages)

    def to_json(self) -> JsonValue:
        """Return the recipe as plain JSON values, defaults included."""
        value: JsonValue = self.model_dump(mode="json")
        return value


def recipe_json_schema() -> dict[str, JsonValue]:
    """Return the JSON Schema that drives the form, the command line and the API."""
    schema: dict[str, JsonValue] = Recipe.model_json_schema()
    return schema
