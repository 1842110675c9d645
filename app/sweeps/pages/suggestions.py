"""What is worth trying in a recipe, with bounds that are rarely wrong."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.core.i18n import _
from worker.contract.recipe import Recipe
from worker.contract.stages import Stage

_DECADE = 10.0
# Where the recipe leaves the rate to the engine, this is the middle of what is tried.
_AUTO_RATE = 1e-3
_MOST_RATE = 1.0
_BATCHES = (4, 8, 16, 32, 64, 128, 256, 512)


@dataclass(frozen=True)
class Suggestion:
    """One value that may be tried. `values` is what the form holds: two bounds, or a list."""

    path: str
    title: str
    now: str
    kind: str
    values: str
    log: bool = False
    on: bool = False


def suggestions(recipe: Recipe) -> list[Suggestion]:
    """Return what fits a recipe; only the learning rates are chosen at first."""
    found = list(_rates(recipe))
    size = recipe.train.usual_batch
    near = [n for n in _BATCHES if size / 4 <= n <= size * 4] or [size]
    found.append(
        Suggestion(
            "train.batch_size", _("Batch size"), str(size), "choice", ", ".join(map(str, near))
        )
    )
    smoothing = f"{recipe.train.label_smoothing:g}"
    if recipe.spec.has_classes:
        found.append(
            Suggestion("train.label_smoothing", _("Label smoothing"), smoothing, "float", "0, 0.2")
        )
    return found


def _rates(recipe: Recipe) -> Iterator[Suggestion]:
    for number, stage in enumerate(recipe.train.stages):
        lr = _AUTO_RATE if stage.optimizer.lr == "auto" else stage.optimizer.lr
        name = stage.name if isinstance(stage, Stage) else str(number)
        place = f"train.stages.{number}.optimizer"
        bounds = f"{lr / _DECADE:.3g}, {min(_MOST_RATE, lr * _DECADE):.3g}"
        title = _("Learning rate of %(stage)s") % {"stage": name}
        yield Suggestion(f"{place}.lr", title, f"{lr:g}", "float", bounds, log=True, on=True)
        decay = stage.optimizer.weight_decay
        title = _("Weight decay of %(stage)s") % {"stage": name}
        yield Suggestion(
            f"{place}.weight_decay", title, f"{decay:g}", "float", "1e-05, 0.1", log=True
        )
