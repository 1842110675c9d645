"""The doctor's rules about ways of training: which of them spoil each other."""

from collections.abc import Iterator
from math import ceil

from worker.contract.findings import Finding, found
from worker.contract.recipe import Recipe
from worker.contract.splits import Splits
from worker.contract.stages import Stage

# A running mean wants a stage of at least this many times what it looks back over.
_SPANS = 2
_LEAST_UPDATES = 4
_WORTH_IT = 3


def check_strategies(recipe: Recipe, splits: Splits) -> list[Finding]:
    """Return advice on a recipe's ways of training for the number of samples there are."""
    updates = _updates(recipe, len(splits.train))
    findings = [*_about_imbalance(recipe), *_about_unlabeled(recipe, splits)]
    for stage in recipe.stages:
        findings += _about_stage(recipe, stage, updates)
        findings += _about_average(recipe, stage, updates)
    return findings


def _updates(recipe: Recipe, count: int) -> int:
    train = recipe.train
    return max(1, ceil(count / (train.batch_for(count) * train.gradient_accumulation_steps)))


def _about_stage(recipe: Recipe, stage: Stage, updates: int) -> Iterator[Finding]:
    train, augment = recipe.train, recipe.augment
    only_head = stage.train == ("head",)
    mixing = {
        "augment.mixup_alpha": augment.mixup_alpha,
        "augment.cutmix_alpha": augment.cutmix_alpha,
    }
    for key, value in mixing.items():
        if only_head and value:
            yield found("MIXED_HEAD_STAGE", stage=stage.name, key=key)
    if only_head and train.l2_sp:
        yield found("PENALTY_UNUSED", stage=stage.name)
    steps = train.gradient_accumulation_steps
    if steps == 1:
        return
    if updates < _LEAST_UPDATES:
        yield found("FEW_UPDATES", stage=stage.name, updates=updates)
    if stage.batch_norm != "eval" and not only_head and recipe.spec.modality == "image":
        size = train.usual_batch
        yield found("ACCUMULATION_WITH_BATCH_NORM", stage=stage.name, batch_size=size, steps=steps)


def _about_average(recipe: Recipe, stage: Stage, updates: int) -> Iterator[Finding]:
    decay = recipe.train.model_ema_decay
    if decay is None:
        return
    total = stage.max_steps or (stage.epochs or 1) * updates
    span = round(1 / (1 - decay))
    if total < _SPANS * span:
        advised = round(max(0.0, 1 - _SPANS / total), 3)
        yield found(
            "AVERAGE_TOO_SHORT",
            stage=stage.name,
            updates=total,
            decay=decay,
            span=span,
            advised=advised,
        )


def _about_imbalance(recipe: Recipe) -> Iterator[Finding]:
    imbalance = recipe.data.imbalance
    evened = [
        name
        for name, is_used in (
            ("sampler", imbalance.sampler != "none"),
            ("synthesize", imbalance.synthesize != "none"),
            (
                "class_weight",
                isinstance(imbalance.class_weight, str) and imbalance.class_weight != "none",
            ),
        )
        if is_used
    ]
    if len(evened) > 1:
        yield found("IMBALANCE_TWICE", one=evened[0], other=evened[1])


def _about_unlabeled(recipe: Recipe, splits: Splits) -> Iterator[Finding]:
    if recipe.data.unlabeled is None:
        return
    few = len(splits.unlabeled) < _WORTH_IT * len(splits.train)
    if splits.unlabeled and few:
        yield found("UNLABELED_FEW", unlabeled=len(splits.unlabeled), labeled=len(splits.train))


def is_evened_out(recipe: Recipe) -> bool:
    """Return whether a recipe does something about classes of different sizes."""
    imbalance = recipe.data.imbalance
    return (
        imbalance.class_weight != "none"
        or imbalance.sampler != "none"
        or imbalance.synthesize != "none"
        or recipe.train.loss == "focal"
    )
