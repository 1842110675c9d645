"""The plan: a recipe with everything resolved and pinned; immutable, hashed, ready to run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, JsonValue

from worker.contract.base import Wire, digest
from worker.contract.bases import PinnedBase, Preprocessing
from worker.contract.doctor import check_inventory, check_splits
from worker.contract.doctor_habits import check_habits
from worker.contract.doctor_recipe import check_recipe
from worker.contract.doctor_sound import check_agent
from worker.contract.findings import Finding, found
from worker.contract.inventory import DataInventory
from worker.contract.recipe import Normalization, Recipe
from worker.contract.resources import Resources
from worker.contract.speech_bases import check_speech_base, fitting_advice
from worker.contract.splits import Splits, assign_splits
from worker.contract.stages import Stage


class PinnedData(Wire):
    """A data set, pinned: the revision, and the identity of its samples."""

    repo: str
    commit: str | None = None
    tree_sha256: str


class StagePlan(Wire):
    """A stage of the plan. The last two are None until a worker has built the network."""

    index: int
    stage: Stage
    trainable_count: int | None = None
    groups: tuple["GroupPlan", ...] | None = None

    @property
    def name(self) -> str:
        """The name of the stage, unique in the plan."""
        return self.stage.name


class GroupPlan(Wire):
    """One group of parameters trained with one rate. `count` is the number of scalars."""

    name: str
    lr: float
    count: int


class Plan(Wire):
    """Everything a worker needs to know; two equal plans give equal weights on one machine."""

    schema_version: Literal[1] = 1
    recipe: Recipe
    base: PinnedBase
    data: PinnedData
    test_data: PinnedData | None = None
    teacher: PinnedBase | None = None
    classes: tuple[str, ...] = ()
    split_sizes: dict[str, int]
    class_counts: dict[str, dict[str, int]] = Field(default_factory=dict)
    image_size: int | None = None
    preprocessing: Preprocessing | None = None
    stages: tuple[StagePlan, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def plan_hash(self) -> str:
        """The identity of the work: contents and settings, not the names of places.

        Repository names, revisions, the job's name and the findings are left out, so that the
        same work has the same hash on a site and alone.
        """
        value = self.model_dump(mode="json", exclude={"findings"})
        recipe = value["recipe"]
        recipe.pop("name")
        recipe.pop("resources")
        for place in (recipe["model"]["base"], recipe["data"]["train"], value["base"]):
            _drop_places(place)
        for place in (recipe["data"]["test"], value["data"], value["test_data"]):
            _drop_places(place)
        _drop_places(value["teacher"])
        for key in ("teacher", "revision"):
            (recipe["distill"] or {}).pop(key, None)
        for stage in value["stages"]:
            stage.pop("trainable_count")
            stage.pop("groups")
        return digest(value)

    @property
    def resources(self) -> Resources:
        """Which machine it wants, and for how long."""
        return self.recipe.resources

    @property
    def images(self) -> Preprocessing:
        """How images are prepared; every plan of a task on images says it."""
        assert self.preprocessing is not None  # noqa: S101 - examine() sees to it
        return self.preprocessing

    @property
    def has_random_augmentation(self) -> bool:
        """Whether training samples differ from pass to pass."""
        return self.recipe.augment.is_random


def _drop_places(value: dict[str, JsonValue] | None) -> None:
    for key in ("repo", "revision", "commit"):
        if value is not None:
            value.pop(key, None)


class PinnedInventory(Wire):
    """A data set revision and what is in it."""

    repo: str
    commit: str | None = None
    inventory: DataInventory

    @property
    def pin(self) -> PinnedData:
        """What the plan keeps of it."""
        return PinnedData(
            repo=self.repo, commit=self.commit, tree_sha256=self.inventory.tree_sha256
        )


@dataclass(frozen=True)
class Examination:
    """The doctor's answer: findings, and the plan when none of them is an error."""

    findings: tuple[Finding, ...]
    plan: Plan | None

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop the job."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    def with_findings(self, more: Sequence[Finding]) -> "Examination":
        """Return the answer with what was found besides; an error takes the plan away."""
        if not more:
            return self
        findings = _ordered([*self.findings, *more])
        plan = None if any(one.severity == "error" for one in more) else self.plan
        return Examination(
            findings, plan.model_copy(update={"findings": findings}) if plan else None
        )


def _ordered(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    order = {"error": 0, "warning": 1, "info": 2}
    return tuple(sorted(findings, key=lambda finding: order[finding.severity]))


def examine(
    recipe: Recipe,
    base: PinnedBase,
    data: PinnedInventory,
    test: PinnedInventory | None = None,
    teacher: PinnedBase | None = None,
) -> Examination:
    """Check a recipe against its base and data, and return findings with the plan.

    Args:
        recipe: the validated recipe.
        base: the pinned base model.
        data: the pinned training data set.
        test: the pinned data set of `data.test` when that is another repository or revision.
        teacher: the pinned model of `distill`.
    """
    seed = recipe.reproducibility.seed
    splits = assign_splits(data.inventory, test.inventory if test else None, recipe.data, seed)
    on_images = recipe.spec.modality == "image"
    size = (recipe.data.image_size or base.preprocessing.image_size) if on_images else None
    findings = [*_unfit_base(recipe, base), *_unfit_data(recipe, data)]
    findings += check_speech_base(recipe, base)
    findings += [*_unread_columns(recipe, data), *check_inventory(data.inventory)]
    if test is not None:
        findings += [f for f in check_inventory(test.inventory) if f.severity == "error"]
    if data.inventory.facts:
        findings += check_splits(splits)
        findings += fitting_advice(base, check_recipe(recipe, splits, size))
        findings += check_habits(recipe, base)
    if recipe.env is not None:
        findings += check_agent(recipe)
    ordered = _ordered(findings)
    if any(finding.severity == "error" for finding in ordered):
        return Examination(ordered, None)
    counts = splits.counts()
    plan = Plan(
        recipe=recipe,
        base=base.model_copy(update={"weights": recipe.model.base.weights}),
        data=data.pin,
        test_data=test.pin if test else None,
        teacher=teacher,
        classes=_classes(recipe, data.inventory, splits),
        split_sizes={name: len(facts) for name, facts in splits.everything().items()},
        class_counts=counts,
        image_size=size,
        preprocessing=_preprocessing(recipe, base.preprocessing, size) if size else None,
        stages=tuple(StagePlan(index=i, stage=s) for i, s in enumerate(recipe.stages, start=1)),
        findings=ordered,
    )
    return Examination(ordered, plan)


def _classes(recipe: Recipe, inventory: DataInventory, splits: Splits) -> tuple[str, ...]:
    """Return the classes in the order of their numbers; masks number theirs themselves."""
    if "mask" in recipe.spec.needs:
        return tuple(inventory.notes.get("classes", "").split("\n"))
    return tuple(splits.classes)


def _unfit_base(recipe: Recipe, base: PinnedBase) -> list[Finding]:
    fitting = recipe.spec.libraries
    if base.library in fitting:
        return []
    known = ", ".join(fitting)
    return [
        found("BASE_UNFIT", repo=base.repo, library=base.library, task=recipe.task, fitting=known)
    ]


def _unfit_data(recipe: Recipe, data: PinnedInventory) -> list[Finding]:
    inventory = data.inventory
    missing = [name for name in recipe.spec.needs if name not in inventory.fields]
    if not inventory.facts or not missing:
        return []
    return [
        found(
            "DATA_UNFIT",
            repo=data.repo,
            kind=inventory.kind,
            task=recipe.task,
            missing=", ".join(missing),
            fields=", ".join(inventory.fields),
        )
    ]


def _unread_columns(recipe: Recipe, data: PinnedInventory) -> list[Finding]:
    also = getattr(recipe.read_columns, "also", {})
    told = {finding.params.get("column") for finding in data.inventory.findings}
    return [
        found("COLUMN_UNREAD", column=column, kind=data.inventory.kind)
        for name, column in also.items()
        if name not in data.inventory.mapping and column not in told
    ]


_SMALL_IMAGE = 64


def _preprocessing(recipe: Recipe, own: Preprocessing, size: int) -> Preprocessing:
    """Return the numbers to use; for `dataset` the worker measures mean and std before training."""
    changes: dict[str, object] = {"image_size": size}
    if size <= _SMALL_IMAGE:
        changes["crop_pct"] = 1.0
    normalize = recipe.data.normalize
    if isinstance(normalize, Normalization):
        changes |= {"mean": normalize.mean, "std": normalize.std}
    elif normalize == "none":
        changes |= {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    return own.model_copy(update=changes)
