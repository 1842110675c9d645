"""What the doctor says of recipes that look at every place of a picture."""

from worker.contract.augment import Augment
from worker.contract.findings import Finding, found
from worker.contract.recipe import Recipe

DENSE_TASKS = frozenset({"object-detection", "image-segmentation"})
# The coarsest map has one place for a square of this side.
_UNIT = 32
_PICTURES_ONLY = frozenset({"RandAugment", "TrivialAugmentWide", "RandomErasing"})


def check_vision(recipe: Recipe, image_size: int) -> list[Finding]:
    """Return what keeps a recipe from training on boxes or masks."""
    if recipe.task not in DENSE_TASKS:
        return []
    findings = [
        found("CHANGE_LEAVES_TARGETS", name=name) for name in pictures_only(recipe.augment)[:1]
    ]
    if image_size % _UNIT:
        better = max(_UNIT, round(image_size / _UNIT) * _UNIT)
        findings.append(
            found("SIDE_UNFIT", image_size=image_size, task=recipe.task, unit=_UNIT, better=better)
        )
    return findings


def pictures_only(augment: Augment) -> list[str]:
    """Return the random changes that would leave boxes and masks behind."""
    names = [str(op.name) for op in augment.ops if op.name in _PICTURES_ONLY]
    if augment.preset in {"randaugment", "trivialaugment"}:
        names.append(augment.preset)
    if augment.random_erasing:
        names.append("random_erasing")
    return names
