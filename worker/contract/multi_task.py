"""Several tasks on one network: each has outputs of its own, and all of them train the trunk."""

from typing import Annotated, Literal, Protocol, Self

from pydantic import Field, model_validator

from worker.contract.after import Distill, Explain, Export
from worker.contract.augment import Augment
from worker.contract.base import Written
from worker.contract.training import Imbalance

Column = Annotated[str, Field(min_length=1, max_length=200)]


class JointColumns(Written):
    """Where the labels of one of the tasks stand."""

    label: Column | None = Field(default=None, description="Column with its class.")
    target: Column | None = Field(default=None, description="Column with its number.")


class JointTask(Written):
    """One of several tasks. Where a row has no label for it, it learns nothing from that row."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9_-]{0,39}$", description="A short name, shown with its measures."
    )
    task: Literal["image-classification", "image-regression"] = Field(
        description="What its outputs are."
    )
    columns: JointColumns = JointColumns()
    loss_weight: float = Field(
        default=1.0, gt=0, le=1000, description="Weight of its loss beside the others."
    )

    @model_validator(mode="after")
    def _fitting_column(self) -> Self:
        if self.task == "image-classification" and self.columns.target is not None:
            raise ValueError(f"{self.name} tells classes apart: name columns.label, not target")
        if self.task == "image-regression" and self.columns.label is not None:
            raise ValueError(f"{self.name} estimates a number: name columns.target, not label")
        return self

    @property
    def column(self) -> str | None:
        """The column of its labels."""
        return self.columns.label or self.columns.target


class MultiTask(Written):
    """Several tasks learned at once, on one network."""

    tasks: tuple[JointTask, ...] = Field(
        min_length=2,
        max_length=8,
        description="The first is the task of the recipe, and gives the headline number.",
    )
    loss_balancing: Literal["none", "uncertainty", "gradnorm"] = Field(
        default="none",
        description=(
            "none: losses are added by loss_weight; uncertainty: each is also divided by a noise "
            "that is learned; gradnorm: weights are learned so that all tasks learn equally fast."
        ),
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [task.name for task in self.tasks]
        if len(set(names)) != len(names):
            raise ValueError("two tasks have the same name")
        without = [task.name for task in self.tasks[1:] if task.column is None]
        if without:
            raise ValueError(f"{without[0]} has no columns: name the one with its labels")
        return self

    @property
    def further(self) -> tuple[JointTask, ...]:
        """All tasks but the first."""
        return self.tasks[1:]


class _Data(Protocol):
    @property
    def imbalance(self) -> Imbalance: ...


class _Recipe(Protocol):
    """What of a recipe is looked at here; the recipe itself imports this module."""

    @property
    def task(self) -> str: ...
    @property
    def multi_task(self) -> MultiTask | None: ...
    @property
    def data(self) -> _Data: ...
    @property
    def augment(self) -> Augment: ...
    @property
    def export(self) -> Export | None: ...
    @property
    def explain(self) -> Explain | None: ...
    @property
    def distill(self) -> Distill | None: ...
    @property
    def semi_supervised(self) -> object | None: ...


def unfit_together(recipe: _Recipe) -> str | None:
    """Return what cannot be done with several tasks at once, or None."""
    if recipe.multi_task is None:
        return None
    if recipe.task != "image-classification" or recipe.multi_task.tasks[0].task != recipe.task:
        return "multi_task: the task of the recipe and the first of tasks: image-classification"
    given = {
        "export": recipe.export,
        "explain": recipe.explain,
        "distill": recipe.distill,
        "semi_supervised": recipe.semi_supervised,
        "augment.mixup_alpha": recipe.augment.mixup_alpha,
        "augment.cutmix_alpha": recipe.augment.cutmix_alpha,
        "data.imbalance.synthesize": recipe.data.imbalance.synthesize != "none",
    }
    wrong = next((name for name, value in given.items() if value), None)
    return f"{wrong} knows one task only: remove it or multi_task" if wrong else None
