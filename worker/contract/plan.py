"""The plan: a recipe with everything resolved and pinned; immutable, hashed, ready to run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, JsonValue, ValidationError

from worker.contract.base import Wire, digest
from worker.contract.doctor import check_inventory, check_splits
from worker.contract.doctor_recipe import check_recipe
from worker.contract.findings import Finding
from worker.contract.inventory import DataInventory
from worker.contract.recipe import Head, Normalization, Recipe, Stem
from worker.contract.splits import assign_splits
from worker.contract.stages import Stage

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class BaseUnreadableError(ValueError):
    """The config.json of a base model cannot be used; the message says why."""


class Preprocessing(Wire):
    """How images were prepared for the pretrained weights. `image_size` is in pixels."""

    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    image_size: int = 224
    interpolation: Literal["nearest", "bilinear", "bicubic"] = "bilinear"
    crop_pct: float = Field(default=0.875, gt=0, le=1)


class PinnedBase(Wire):
    """The base model, pinned. `labels` are those of its own head; None when it has none."""

    repo: str
    commit: str | None = None
    library: Literal["torchvision", "timm"]
    architecture: str
    weights: Literal["pretrained", "random"] = "pretrained"
    weights_sha256: str | None = None
    num_classes: int = 1000
    labels: tuple[str, ...] | None = None
    head: Head = Head()
    stem: Stem = Stem()
    preprocessing: Preprocessing = Preprocessing()

    @classmethod
    def from_config(
        cls,
        repo: str,
        commit: str | None,
        config: Mapping[str, JsonValue],
        weights_sha256: str | None = None,
    ) -> "PinnedBase":
        """Return the base that the config.json of a model repository describes.

        Raises:
            BaseUnreadableError: not an image classifier of torchvision or timm.
        """
        name = config.get("architecture")
        if not isinstance(name, str):
            raise BaseUnreadableError(
                f"{repo} is not an image classifier: its config.json names no architecture."
            )
        library, _, short = name.rpartition("/")
        values: dict[str, JsonValue] = {
            "repo": repo,
            "commit": commit,
            "library": library or config.get("library_name") or "timm",
            "architecture": short,
            "weights_sha256": weights_sha256,
            "num_classes": config.get("num_classes", 1000),
            "labels": config.get("labels") or config.get("label_names"),
            "head": config.get("head") or {},
            "stem": config.get("stem") or {},
            "preprocessing": config.get("preprocessing") or _timm_numbers(config),
        }
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors()[0]["loc"])
            reason = error.errors()[0]["msg"]
            raise BaseUnreadableError(f"The config.json of {repo}: {where}: {reason}.") from error


def _timm_numbers(config: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return preprocessing from the `pretrained_cfg` that timm writes."""
    source = config.get("pretrained_cfg")
    if not isinstance(source, dict):
        return {}
    names = ("mean", "std", "interpolation", "crop_pct")
    numbers: dict[str, JsonValue] = {name: source[name] for name in names if source.get(name)}
    size = source.get("input_size")
    if isinstance(size, list) and size:
        numbers["image_size"] = size[-1]
    return numbers


class PinnedData(Wire):
    """A data set, pinned: the revision, and the identity of its labelled images."""

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
    classes: tuple[str, ...]
    split_sizes: dict[str, int]
    class_counts: dict[str, dict[str, int]]
    image_size: int
    preprocessing: Preprocessing
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
        for stage in value["stages"]:
            stage.pop("trainable_count")
            stage.pop("groups")
        return digest(value)

    @property
    def has_random_augmentation(self) -> bool:
        """Whether training images differ from pass to pass."""
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


def examine(
    recipe: Recipe,
    base: PinnedBase,
    data: PinnedInventory,
    test: PinnedInventory | None = None,
) -> Examination:
    """Check a recipe against its base and data, and return findings with the plan.

    Args:
        recipe: the validated recipe.
        base: the pinned base model.
        data: the pinned training data set.
        test: the pinned data set of `data.test` when that is another repository or revision.
    """
    seed = recipe.reproducibility.seed
    splits = assign_splits(data.inventory, test.inventory if test else None, recipe.data, seed)
    size = recipe.data.image_size or base.preprocessing.image_size
    findings = check_inventory(data.inventory)
    if test is not None:
        findings += [f for f in check_inventory(test.inventory) if f.severity == "error"]
    if data.inventory.facts:
        findings += check_splits(splits)
        findings += check_recipe(recipe, splits, size)
    order = {"error": 0, "warning": 1, "info": 2}
    ordered = tuple(sorted(findings, key=lambda finding: order[finding.severity]))
    if any(finding.severity == "error" for finding in ordered):
        return Examination(ordered, None)
    counts = splits.counts()
    plan = Plan(
        recipe=recipe,
        base=base.model_copy(update={"weights": recipe.model.base.weights}),
        data=data.pin,
        test_data=test.pin if test else None,
        classes=tuple(splits.classes),
        split_sizes={name: len(facts) for name, facts in splits.named().items()},
        class_counts=counts,
        image_size=size,
        preprocessing=_preprocessing(recipe, base.preprocessing, size),
        stages=tuple(StagePlan(index=i, stage=s) for i, s in enumerate(recipe.stages, start=1)),
        findings=ordered,
    )
    return Examination(ordered, plan)


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
