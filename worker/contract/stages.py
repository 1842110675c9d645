"""The training half of a recipe: optimizers, schedules, stages and gradual unfreezing."""

import re
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from worker.contract.base import Written
from worker.contract.choices import RateOrAuto

LearningRate = Annotated[float, Field(gt=0, le=10)]
Selector = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        pattern=r"^(last:[1-9][0-9]?|[A-Za-z0-9_.*?\[\]-]+)$",
        description=(
            "What to train: `head`, `adapter`, `bias`, `norm`, `last:2` (the last two "
            "groups of the backbone), a module name such as `layer4`, or a pattern such as "
            "`layer[34]*`."
        ),
    ),
]
_STAGE_NAME = re.compile(r"[^a-z0-9]+")


class Optimizer(Written):
    """How weights are updated."""

    name: Literal["sgd", "adam", "adamw", "rmsprop", "nadam", "radam", "adafactor", "muon"] = Field(
        default="adamw", description="The update rule; muon: matrices, the rest by adamw."
    )
    lr: RateOrAuto = Field(
        description=(
            "Learning rate of every group that has none of its own; auto: found by trying rates "
            "before the stage."
        )
    )
    momentum: float | None = Field(
        default=None, ge=0, lt=1, description="For sgd (default 0.9) and rmsprop (default 0)."
    )
    weight_decay: float = Field(
        default=0.0, ge=0, le=1, description="Pull towards zero; never applied to bias and norm."
    )
    betas: tuple[float, float] | None = Field(
        default=None, description="For those of the adam family (default 0.9, 0.999)."
    )
    max_grad_norm: float | None = Field(
        default=None, gt=0, description="Gradients longer than this are scaled down to it."
    )

    @model_validator(mode="after")
    def _only_what_is_used(self) -> Self:
        if self.momentum is not None and self.name not in {"sgd", "rmsprop"}:
            raise ValueError(f"momentum has no effect with {self.name}: remove it or use betas")
        if self.betas is not None:
            if self.name not in {"adam", "adamw", "nadam", "radam"}:
                raise ValueError(f"betas have no effect with {self.name}: remove them")
            if not all(0 <= beta < 1 for beta in self.betas):
                raise ValueError("each of betas must be at least 0 and below 1")
        return self

    @property
    def rate(self) -> float:
        """The rate; 1 where it is still to be found, so that groups are parts of it."""
        return 1.0 if self.lr == "auto" else self.lr


class Scheduler(Written):
    """How the learning rate changes inside one stage; it starts afresh in every stage."""

    name: Literal["constant", "linear", "cosine", "one_cycle", "step", "plateau"] = Field(
        default="constant", description="The shape of the learning rate over the stage."
    )
    warmup_ratio: float = Field(
        default=0.0, ge=0, lt=1, description="Part of the stage in which the rate rises from zero."
    )
    step_epochs: int | None = Field(
        default=None, ge=1, description="For step: multiply by gamma every so many epochs."
    )
    gamma: float | None = Field(
        default=None, gt=0, lt=1, description="For step and plateau: the factor (default 0.1)."
    )
    patience: int | None = Field(
        default=None, ge=0, description="For plateau: epochs without progress before a cut (2)."
    )

    @model_validator(mode="after")
    def _only_what_is_used(self) -> Self:
        if self.name == "step" and self.step_epochs is None:
            raise ValueError("step needs step_epochs: after how many epochs the rate is cut")
        if self.step_epochs is not None and self.name != "step":
            raise ValueError(f"step_epochs has no effect with {self.name}: remove it")
        if self.gamma is not None and self.name not in {"step", "plateau"}:
            raise ValueError(f"gamma has no effect with {self.name}: remove it")
        if self.patience is not None and self.name != "plateau":
            raise ValueError(f"patience has no effect with {self.name}: remove it")
        if self.name == "plateau" and self.warmup_ratio:
            raise ValueError("plateau has no warm-up: remove warmup_ratio")
        return self


class Stage(Written):
    """One phase of training with a fixed set of trainable parameters and a fresh optimizer."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="A short name, shown on the curves."
    )
    train: Literal["all"] | tuple[Selector, ...] = Field(
        description="`all`, or a list of selectors; everything else stays frozen."
    )
    epochs: int | None = Field(default=None, ge=1, le=1000, description="Passes over the data.")
    max_steps: int | None = Field(
        default=None, ge=1, le=10_000_000, description="Optimizer updates, instead of epochs."
    )
    optimizer: Optimizer
    scheduler: Scheduler = Scheduler()
    lr_by_group: dict[Selector, LearningRate] = Field(
        default_factory=dict, description="Own learning rates: selector to rate."
    )
    layer_decay: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Multiply the rate by this for every group further from the head.",
    )
    batch_norm: Literal["auto", "eval", "train"] = Field(
        default="auto",
        description=(
            "auto: frozen BatchNorm keeps its statistics, trained BatchNorm updates them; "
            "eval: all keep them; train: all update them, the frozen ones too."
        ),
    )
    cache_features: Literal["auto", "off"] = Field(
        default="auto",
        description="auto: outputs of a frozen backbone are computed once and reused.",
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.epochs is None) == (self.max_steps is None):
            raise ValueError("a stage needs either epochs or max_steps (one of them)")
        if self.train == ():
            raise ValueError("a stage must train something: name `head`, a module, or `all`")
        if self.layer_decay is not None and self.lr_by_group:
            raise ValueError("use layer_decay or lr_by_group, not both: each sets every rate")
        return self


class GradualUnfreezing(Written):
    """A macro: head first, then one group after the other from the head to the stem."""

    gradual_unfreezing: Literal["head-to-stem"] = Field(
        description="Open the network group by group, from the head towards the stem."
    )
    groups: Annotated[int, Field(ge=1, le=64)] | tuple[Selector, ...] = Field(
        default=3, description="How many groups to open, or their names in opening order."
    )
    epochs_per_stage: int = Field(default=1, ge=1, le=1000, description="Passes in each stage.")
    final_epochs: int = Field(
        default=0, ge=0, le=1000, description="Passes with everything trained, at the end."
    )
    layer_decay: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Multiply the rate by this for every group further from the head.",
    )
    optimizer: Optimizer
    scheduler: Scheduler = Scheduler()
    batch_norm: Literal["auto", "eval", "train"] = Field(
        default="auto", description="As in a stage."
    )

    def expand(self) -> list[Stage]:
        """Return the stages the macro stands for."""
        openings: list[tuple[str, Literal["all"] | tuple[Selector, ...]]] = [("head", ("head",))]
        if isinstance(self.groups, int):
            openings += [(f"last-{n}", (f"last:{n}", "head")) for n in range(1, self.groups + 1)]
        else:
            for count, group in enumerate(self.groups, start=1):
                name = _STAGE_NAME.sub("-", group.lower()).strip("-")[:40] or f"group-{count}"
                openings.append((name, (*self.groups[:count], "head")))
        stages = [self._stage(name, train, self.epochs_per_stage) for name, train in openings]
        if self.final_epochs:
            stages.append(self._stage("all", "all", self.final_epochs))
        return stages

    def _stage(self, name: str, train: Literal["all"] | tuple[Selector, ...], epochs: int) -> Stage:
        return Stage(
            name=name,
            train=train,
            epochs=epochs,
            optimizer=self.optimizer,
            scheduler=self.scheduler,
            layer_decay=self.layer_decay,
            batch_norm=self.batch_norm,
        )


def _which(value: object) -> str:
    if isinstance(value, GradualUnfreezing):
        return "macro"
    return "macro" if isinstance(value, dict) and "gradual_unfreezing" in value else "stage"


StageOrMacro = Annotated[
    Annotated[Stage, Tag("stage")] | Annotated[GradualUnfreezing, Tag("macro")],
    Discriminator(_which),
]


def expand_stages(stages: tuple[Stage | GradualUnfreezing, ...]) -> list[Stage]:
    """Return plain stages, macros expanded, with names made unique in order."""
    expanded = [
        stage
        for item in stages
        for stage in (item.expand() if isinstance(item, GradualUnfreezing) else [item])
    ]
    seen: dict[str, int] = {}
    unique = []
    for stage in expanded:
        seen[stage.name] = seen.get(stage.name, 0) + 1
        count = seen[stage.name]
        name = stage.name if count == 1 else f"{stage.name[:36]}-{count}"
        unique.append(stage.model_copy(update={"name": name}))
    return unique
