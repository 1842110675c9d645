"""A recipe made small: every stage takes two updates, and nothing is done that is not learning.

Whether it still runs is what a nightly check asks, not how well it does.
"""

from typing import Any

from pydantic import ValidationError

from worker.contract.recipe import Recipe
from worker.contract.stages import Stage

STEPS = 2
MOST_STAGES = 6
MOST_MINUTES = 10.0
_MOST_NAME = 96
_PREFIX = "check-"


def tiny(recipe: Recipe) -> Recipe:
    """Return the recipe of a check: base, data, augmentations, losses and stages are as written.

    The contract knows no "so many samples": updates bound what is trained on, and a time limit the
    measuring afterwards, which sees whole splits.
    """
    stages = recipe.stages[:MOST_STAGES]
    last: ValidationError | None = None
    # An agent, for one, learns in epochs only.
    for short in ({"epochs": None, "max_steps": STEPS}, {"epochs": 1, "max_steps": None}):
        try:
            return Recipe.model_validate(_values(recipe, stages, short))
        except ValidationError as error:
            last = error
    assert last is not None  # noqa: S101  # the loop ran
    raise last


def _values(recipe: Recipe, stages: list[Stage], short: dict[str, int | None]) -> dict[str, Any]:
    values: dict[str, Any] = recipe.model_dump(mode="json")
    values["name"] = f"{_PREFIX}{recipe.name}"[:_MOST_NAME]
    train = values["train"]
    train["early_stopping"] = None
    train["stages"] = [
        stage.model_dump(mode="json") | short | {"cache_features": "off"} for stage in stages
    ]
    values["evaluate"] |= {"baseline": False, "resamples": 100, "calibration": False}
    values |= {"export": None, "explain": None}
    minutes = recipe.resources.max_minutes
    values["resources"]["max_minutes"] = min(minutes or MOST_MINUTES, MOST_MINUTES)
    return values
