"""The doctor's rules about optimizers and rates that are common and wrong."""

from collections.abc import Iterator

from worker.contract.bases import PinnedBase
from worker.contract.findings import Finding, found
from worker.contract.recipe import Recipe
from worker.contract.stages import Stage

_TRANSFORMERS = ("vit", "deit", "swin", "beit", "eva", "cait")


def check_habits(recipe: Recipe, base: PinnedBase) -> list[Finding]:
    """Return advice on the stages of a recipe for the kind of network that it trains."""
    return [
        finding
        for stage in recipe.stages
        for finding in (*_about_groups(recipe, stage), *_about_adam(base, stage))
    ]


def _about_groups(recipe: Recipe, stage: Stage) -> Iterator[Finding]:
    """Groups with one rate for all are a plain optimizer with more words."""
    own = recipe.model.base.weights == "pretrained" and not recipe.spec.keeps_head
    rates = {*stage.lr_by_group.values()}
    if not own or not rates or stage.train == ("head",):
        return
    covers = stage.train != "all" and set(stage.train) <= stage.lr_by_group.keys()
    if not covers:
        rates.add(stage.optimizer.rate)
    if len(rates) == 1:
        yield found("SAME_RATES", stage=stage.name, lr=min(rates))


def _about_adam(base: PinnedBase, stage: Stage) -> Iterator[Finding]:
    is_transformer = base.library == "transformers" or any(
        part.startswith(_TRANSFORMERS) for part in base.architecture.split("_")
    )
    if is_transformer and stage.optimizer.name == "adam" and stage.train != ("head",):
        yield found("ADAM_ON_TRANSFORMER", stage=stage.name)
