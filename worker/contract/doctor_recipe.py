"""The doctor's rules about recipes: habits that look right and quietly spoil the result."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from worker.contract.adapters import ADAPTER
from worker.contract.doctor_sound import check_choices, check_sounds
from worker.contract.doctor_strategies import check_strategies, is_evened_out
from worker.contract.doctor_text import check_texts
from worker.contract.doctor_vision import check_vision
from worker.contract.findings import Finding, found
from worker.contract.recipe import Normalization, Recipe
from worker.contract.splits import Splits, imbalance_ratio
from worker.contract.stages import Stage

_HIGH_RATIO = 5
_SMALL_BATCH = 8
# Above these, pretrained layers usually lose what they know within an epoch.
_SAFE_RATE = defaultdict(lambda: 3e-4, sgd=2e-2, muon=1e-3, adafactor=1e-3)
# Transformers bear less than convolutions do.
_SAFE_TEXT_RATE = defaultdict(lambda: 1e-4, sgd=2e-2, muon=1e-3, adafactor=1e-3)
_ENLARGED = 3


def check_recipe(recipe: Recipe, splits: Splits, image_size: int | None) -> list[Finding]:
    """Return advice on a recipe for the images it will see; errors only for hopeless ones."""
    stages = recipe.stages
    findings = _about_base(recipe)
    if _has_new_head(recipe) and not any(_trains_head(stage) for stage in stages):
        findings.append(found("HEAD_NEVER_TRAINED"))
    for stage in stages:
        findings += _about_stage(recipe, stage)
    if recipe.model.base.weights == "pretrained":
        findings += _about_order(recipe, stages)
    ratio = imbalance_ratio(splits.train)
    if ratio > _HIGH_RATIO and "label" in recipe.spec.needs and not is_evened_out(recipe):
        findings.append(found("IMBALANCED", ratio=round(ratio, 1)))
    findings += check_strategies(recipe, splits)
    if recipe.spec.modality == "text":
        findings += check_texts(recipe, splits)
    if recipe.spec.modality == "audio":
        findings += check_sounds(recipe, splits)
    if recipe.task == "recommendation":
        findings += check_choices(recipe)
    if image_size:
        findings += check_vision(recipe, image_size)
    return findings + (_enlarged(splits, image_size) if image_size else [])


def _has_new_head(recipe: Recipe) -> bool:
    return recipe.model.head.type != "keep" and not recipe.spec.keeps_head


def _enlarged(splits: Splits, image_size: int) -> list[Finding]:
    widths = [min(fact.width, fact.height) for fact in splits.train if fact.error is None]
    if not widths or median(widths) * _ENLARGED > image_size:
        return []
    return [found("UPSCALED", pixels=int(median(widths)), image_size=image_size)]


def _about_base(recipe: Recipe) -> list[Finding]:
    if recipe.model.base.weights == "random":
        return [found("BASE_IS_RANDOM")]
    findings = []
    normalize = recipe.data.normalize
    if isinstance(normalize, Normalization) or normalize in {"none", "dataset"}:
        findings.append(found("NORMALIZATION_NOT_PRETRAINED"))
    convolutions = [layer for layer in recipe.model.stem.replace.values() if not layer.identity]
    if convolutions and recipe.model.stem.init == "random":
        findings.append(found("STEM_RANDOM"))
    return findings


def _about_stage(recipe: Recipe, stage: Stage) -> list[Finding]:
    findings = []
    if stage.batch_norm == "train" and stage.train != "all":
        findings.append(found("BATCH_NORM_FROZEN", stage=stage.name))
    only_head = stage.train == ("head",)
    batch = recipe.train.usual_batch
    on_texts = recipe.spec.modality == "text"
    if batch < _SMALL_BATCH and not on_texts and stage.batch_norm != "eval" and not only_head:
        findings.append(found("BATCH_TOO_SMALL_FOR_BATCH_NORM", stage=stage.name, batch_size=batch))
    if only_head and recipe.augment.is_random:
        findings.append(found("AUGMENTATION_UNSEEN", stage=stage.name))
    # An adapter starts from nothing, as a head does.
    only_new = set(stage.train) <= {"head", ADAPTER}
    if recipe.model.base.weights == "pretrained" and not only_new:
        findings += _about_rates(recipe, stage)
    return findings


def _about_rates(recipe: Recipe, stage: Stage) -> list[Finding]:
    findings = []
    own_rates = bool(stage.lr_by_group) or (stage.layer_decay or 1) < 1
    if _has_new_head(recipe) and _trains_head(stage) and not own_rates:
        findings.append(found("ONE_RATE_FOR_ALL", stage=stage.name))
    name = stage.optimizer.name
    rates = [rate for group, rate in stage.lr_by_group.items() if group != "head"]
    # A rate that is found is found safe.
    own = 0.0 if stage.optimizer.lr == "auto" else stage.optimizer.lr
    highest = max(rates) if rates else own
    safe = (_SAFE_TEXT_RATE if recipe.spec.modality == "text" else _SAFE_RATE)[name]
    if highest > safe:
        findings.append(
            found("RATE_TOO_HIGH", stage=stage.name, optimizer=name, lr=highest, advised=safe)
        )
    return findings


def _about_order(recipe: Recipe, stages: Sequence[Stage]) -> list[Finding]:
    findings = []
    if stages[0].train == "all" and _has_new_head(recipe):
        findings.append(found("NEW_HEAD_WITH_EVERYTHING"))
    convolutions = [name for name, part in recipe.model.stem.replace.items() if not part.identity]
    if convolutions and not any(_reaches(stage, convolutions) for stage in stages):
        findings.append(found("STEM_FROZEN", stage=stages[-1].name))
    return findings


def _reaches(stage: Stage, names: Sequence[str]) -> bool:
    return stage.train == "all" or any(
        name == selector or name.startswith(f"{selector}.")
        for selector in stage.train
        for name in names
    )


def _trains_head(stage: Stage) -> bool:
    # A pattern or a module name may reach the head too; only plain cases are judged.
    plain = all(
        s.startswith("last:") or s in {"bias", "norm", ADAPTER} or _is_block(s) for s in stage.train
    )
    return stage.train == "all" or "head" in stage.train or not plain


def _is_block(selector: str) -> bool:
    return selector.startswith(("layer", "blocks", "features", "stages", "conv", "bn"))


def _never_head(selector: str) -> bool:
    plain = {"bias", "norm", ADAPTER}
    return selector.startswith("last:") or selector in plain or _is_block(selector)
