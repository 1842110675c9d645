"""Learning with few labels, and which ways of training cannot go together."""

from collections.abc import Iterator
from typing import Literal, Protocol

from pydantic import Field

from worker.contract.after import Distill
from worker.contract.augment import Augment
from worker.contract.base import Written
from worker.contract.stages import Stage
from worker.contract.tasks import TaskSpec
from worker.contract.training import Imbalance, Train

# Tasks that give one class to each sample.
_CLASSIFYING = ("image-classification", "text-classification", "audio-classification")


class SemiSupervised(Written):
    """Learn from samples without a label too: data.unlabeled says where they are."""

    method: Literal["fixmatch", "pseudo-label", "mean-teacher"] = Field(
        default="fixmatch",
        description=(
            "fixmatch: a sure answer on a slightly changed picture is the label of a strongly "
            "changed one; pseudo-label: of the same picture; mean-teacher: agree with the running "
            "mean of one's own weights."
        ),
    )
    p_cutoff: float = Field(
        default=0.95, ge=0, lt=1, description="How sure an answer must be to become a label."
    )
    T: float | None = Field(
        default=None,
        gt=0,
        le=10,
        description="Sharpens answers into soft labels; without it the surest class is the label.",
    )
    uratio: int = Field(
        default=7, ge=1, le=64, description="Unlabelled samples for each labelled one of a batch."
    )
    ulb_loss_ratio: float = Field(
        default=1.0, gt=0, le=1000, description="Weight of the loss without labels."
    )


class _Source(Protocol):
    @property
    def repo(self) -> str: ...


class _Base(Protocol):
    @property
    def weights(self) -> str: ...


class _Model(Protocol):
    @property
    def base(self) -> _Base: ...


class _Data(Protocol):
    @property
    def train(self) -> _Source: ...
    @property
    def unlabeled(self) -> _Source | None: ...
    @property
    def image_size(self) -> int | None: ...
    @property
    def imbalance(self) -> Imbalance: ...


class _Recipe(Protocol):
    """What of a recipe is looked at here; the recipe itself imports this module."""

    @property
    def task(self) -> str: ...
    @property
    def spec(self) -> TaskSpec: ...
    @property
    def model(self) -> _Model: ...
    @property
    def data(self) -> _Data: ...
    @property
    def train(self) -> Train: ...
    @property
    def augment(self) -> Augment: ...
    @property
    def distill(self) -> Distill | None: ...
    @property
    def semi_supervised(self) -> SemiSupervised | None: ...
    @property
    def stages(self) -> list[Stage]: ...


def unfit_strategy(recipe: _Recipe) -> str | None:
    """Return why a recipe's ways of training cannot be used as written, or None."""
    return next(_unfit(recipe), None)


def _unfit(recipe: _Recipe) -> Iterator[str]:
    task, train, augment = recipe.task, recipe.train, recipe.augment
    imbalance = recipe.data.imbalance
    classifying = {
        "train.loss": train.loss != "cross_entropy",
        "data.imbalance.sampler": imbalance.sampler != "none",
        "data.imbalance.synthesize": imbalance.synthesize != "none",
    }
    if task not in _CLASSIFYING:
        yield from _only(classifying, task, "a task with one class for each sample")
    on_pictures = {
        "augment.mixup_alpha": augment.mixup_alpha > 0,
        "augment.cutmix_alpha": augment.cutmix_alpha > 0,
        "augment.progressive_resizing": bool(augment.progressive_resizing),
        "semi_supervised": recipe.semi_supervised is not None,
        "data.unlabeled": recipe.data.unlabeled is not None,
    }
    if task != "image-classification":
        yield from _only(on_pictures, task, "image-classification")
    if recipe.spec.modality == "environment":
        yield from _only(_of_the_loop(recipe), task, "a task that learns from samples")
    yield from _contradictions(recipe)
    yield from _about_rates(recipe)
    yield from _about_smote(recipe)


def _only(given: dict[str, bool], task: str, wanted: str) -> Iterator[str]:
    for path, is_given in given.items():
        if is_given:
            yield f"{path} needs {wanted}, {task} is none: remove it"


def _of_the_loop(recipe: _Recipe) -> dict[str, bool]:
    train = recipe.train
    return {
        "train.model_ema_decay": train.model_ema_decay is not None,
        "train.l2_sp": train.l2_sp > 0,
        "train.gradient_accumulation_steps": train.gradient_accumulation_steps > 1,
        "train.gradient_checkpointing": train.gradient_checkpointing,
        "train.batch_size: auto": train.batch_size == "auto",
        "optimizer.lr: auto": any(stage.optimizer.lr == "auto" for stage in recipe.stages),
    }


def _contradictions(recipe: _Recipe) -> Iterator[str]:
    train, augment = recipe.train, recipe.augment
    if train.l2_sp and recipe.model.base.weights == "random":
        yield "train.l2_sp pulls towards pretrained weights, and the base is random: remove it"
    if train.loss == "focal" and train.label_smoothing:
        yield "train.label_smoothing has no effect with the focal loss: remove one of the two"
    if train.loss == "focal" and (augment.mixup_alpha or augment.cutmix_alpha):
        yield "the focal loss takes one class a sample, mixup and cutmix give two: remove one"
    if (recipe.semi_supervised is None) != (recipe.data.unlabeled is None):
        yield "semi_supervised and data.unlabeled belong together: how, and from which samples"
    unlabeled = recipe.data.unlabeled
    if unlabeled is not None and unlabeled.repo != recipe.data.train.repo:
        yield "data.unlabeled must be a split of the training data set: add a folder `unlabeled`"
    if recipe.semi_supervised is not None and augment.progressive_resizing:
        yield "semi_supervised needs pictures of one size: remove augment.progressive_resizing"
    if recipe.semi_supervised is not None and recipe.distill is not None:
        yield "semi_supervised and distill each add a teacher: use one of them"
    side = recipe.data.image_size
    if augment.progressive_resizing and side and augment.progressive_resizing[-1] >= side:
        yield f"augment.progressive_resizing ends with data.image_size ({side}) by itself"


def _about_rates(recipe: _Recipe) -> Iterator[str]:
    for stage in recipe.stages:
        if stage.optimizer.lr == "auto" and stage.lr_by_group:
            yield f"stage {stage.name}: lr auto and lr_by_group contradict: use layer_decay"


def _about_smote(recipe: _Recipe) -> Iterator[str]:
    imbalance = recipe.data.imbalance
    if imbalance.synthesize == "none":
        return
    if imbalance.sample_weight_column is not None:
        yield "data.imbalance: what smote adds has no weight: remove sample_weight_column"
    if imbalance.sampler != "none":
        yield "data.imbalance: smote makes classes equal already: remove sampler"
    if any(stage.train != ("head",) or stage.cache_features == "off" for stage in recipe.stages):
        yield (
            "data.imbalance.synthesize: smote mixes feature vectors; a mean of two pictures or "
            "texts is none, so every stage must train only the head, with cache_features auto; "
            "else use sampler: oversample with augment.preset basic"
        )
    if recipe.augment.is_random:
        yield "data.imbalance.synthesize: smote needs features that stay: set augment.preset none"
