"""Reading a recipe with the blocks of a sweep, and making the recipe of each trial from it."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from worker.contract.recipe import Recipe
from worker.contract.recipe_text import (
    RecipeError,
    RecipeProblem,
    parse_recipe_text,
    recipe_from_values,
)
from worker.contract.search import Blocks, Choice, Params, Run, Search
from worker.contract.tasks import MEASURES

BLOCKS = ("search", "cross_validation", "seeds")
# What a sweep must not touch: it would change what is measured, or what the recipe is.
_FIXED = ("recipe", "name", "task", "data.train", "data.test", "data.validation", "reproducibility")
_NAME = 96


@dataclass(frozen=True)
class SweepRecipe:
    """A recipe and what a sweep does with it."""

    recipe: Recipe
    blocks: Blocks

    def to_json(self) -> dict[str, JsonValue]:
        """Return both as one set of plain values, as a person would write them."""
        values: dict[str, JsonValue] = self.recipe.model_dump(mode="json", exclude_defaults=True)
        values = {"recipe": 1, "name": self.recipe.name, "task": self.recipe.task, **values}
        blocks = self.blocks.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return values | blocks


def sweep_from_text(text: str) -> SweepRecipe:
    """Return the sweep that a YAML or JSON text describes.

    Raises:
        RecipeError: with every problem found.
    """
    return sweep_from_values(parse_recipe_text(text))


def sweep_from_values(values: Mapping[str, JsonValue]) -> SweepRecipe:
    """Return the sweep that plain values describe, each bound of its space tried in the recipe.

    Raises:
        RecipeError: with every problem found.
    """
    recipe_values = copy.deepcopy({k: v for k, v in values.items() if k not in BLOCKS})
    written = {key: values[key] for key in BLOCKS if values.get(key) is not None}
    reproducibility = recipe_values.get("reproducibility")
    if isinstance(reproducibility, dict) and "seeds" in reproducibility:
        written["seeds"] = reproducibility.pop("seeds")
    recipe = recipe_from_values(recipe_values)
    try:
        blocks = Blocks.model_validate(written)
    except ValidationError as error:
        raise RecipeError([_problem(dict(item)) for item in error.errors()]) from error
    if blocks.search is not None:
        _require_space(recipe, blocks.search)
    for run in blocks.runs(recipe.reproducibility.seed):
        trial_recipe(recipe, blocks, {}, run)
    goal(recipe, blocks)
    return SweepRecipe(recipe, blocks)


def goal(recipe: Recipe, blocks: Blocks) -> tuple[str, bool]:
    """Return what is compared, by its plain name, and whether higher is better.

    Raises:
        RecipeError: the task does not measure it.
    """
    search, spec = blocks.search, recipe.spec
    name = spec.metric
    if search is not None and search.metric is not None:
        name = search.metric.partition("/")[2]
    known = ("loss", *spec.metrics)
    if name not in known:
        names = ", ".join(f"validation/{one}" for one in known)
        message = f"{recipe.task} does not measure {name!r}."
        raise RecipeError([RecipeProblem("search.metric", message, f"Choose one of {names}.")])
    if search is not None and search.direction is not None:
        return name, search.direction == "maximize"
    return name, MEASURES[name].higher_is_better


def _problem(item: dict[str, object]) -> RecipeProblem:
    location = item["loc"]
    parts = [str(part) for part in location] if isinstance(location, tuple) else []
    path = ".".join(part for part in parts if part != "function-wrap[_kind()]")
    if item["type"] == "extra_forbidden":
        return RecipeProblem(path, f"{parts[-1]!r} is not a key here.", "Remove it.")
    if item["type"] == "missing":
        return RecipeProblem(path, f"{parts[-1]!r} is missing.", f"Add `{parts[-1]}:`.")
    message = str(item["msg"]).removeprefix("Value error, ")
    shown = repr(item.get("input"))
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."  # noqa: PLR2004 - a line's worth
    return RecipeProblem(path, f"{message}.", f"You wrote {shown}.")


def _require_space(recipe: Recipe, search: Search) -> None:
    """Try every bound and every choice once, so that no trial can fail on them later."""
    problems: list[RecipeProblem] = []
    for path, dimension in search.space.items():
        where = f"search.space.{path}"
        if any(path == fixed or path.startswith(f"{fixed}.") for fixed in _FIXED):
            message = "A sweep cannot change this: its trials would not be comparable."
            problems.append(RecipeProblem(where, message, "Choose another value."))
            continue
        tried = dimension.choice if isinstance(dimension, Choice) else dimension.bounds
        for value in tried:
            try:
                with_params(recipe, {path: value})
            except RecipeError as error:
                problem = error.problems[0]
                message = f"{value!r} does not fit: {problem.message}"
                problems.append(RecipeProblem(where, message, problem.fix))
                break
    if problems:
        raise RecipeError(problems)


def with_params(recipe: Recipe, params: Params) -> Recipe:
    """Return the recipe with other values at some places.

    Raises:
        RecipeError: a place does not exist, or the recipe is not valid with the value.
    """
    values = recipe.model_dump(mode="json")
    for path, value in params.items():
        _put(values, path, value)
    return recipe_from_values(values)


def _put(values: dict[str, JsonValue], path: str, value: JsonValue) -> None:
    *parents, last = path.split(".")
    place: JsonValue = values
    for part in parents:
        place = _inside(place, part, path)
    _inside(place, last, path)
    if isinstance(place, list):
        place[int(last)] = value
    elif isinstance(place, dict):
        place[last] = value


def _inside(place: JsonValue, part: str, path: str) -> JsonValue:
    if isinstance(place, dict) and part in place:
        return place[part]
    if isinstance(place, list) and part.isdigit() and int(part) < len(place):
        return place[int(part)]
    known = list(place) if isinstance(place, dict) else []
    if isinstance(place, list):
        known = [str(number) for number in range(len(place))]
    fix = f"Known here: {', '.join(known)}." if known else "Write the value into the recipe first."
    raise RecipeError([RecipeProblem(path, f"The recipe has no {part!r} there.", fix)])


def trial_recipe(recipe: Recipe, blocks: Blocks, params: Params, run: Run) -> Recipe:
    """Return the recipe of one trial: a combination of values, one fold, one seed.

    Raises:
        RecipeError: the recipe is not valid with these values.
    """
    changed: Params = dict(params)
    values = with_params(recipe, changed).model_dump(mode="json")
    values["reproducibility"]["seed"] = run.seed
    folds = blocks.cross_validation
    if folds is not None and run.fold:
        values["data"]["validation"] |= {
            "split": None,
            "folds": folds.n_splits,
            "fold": run.fold,
            "fold_seed": recipe.reproducibility.seed + run.repeat,
            "stratify": folds.stratified,
        }
    final = folds is not None and not run.fold
    evaluate = values.get("evaluate")
    if isinstance(evaluate, dict) and evaluate.get("baseline") == "auto" and not final:
        # The same for every trial, so it tells nothing about them; the final training has it.
        evaluate["baseline"] = False
    if folds is not None and folds.group_column is not None:
        values["data"]["columns"]["group"] = folds.group_column
    return recipe_from_values(values)


def named(recipe: Recipe, addition: str) -> Recipe:
    """Return the recipe under a name of its own, cut where it would be too long."""
    room = _NAME - len(addition) - 1
    return recipe.model_copy(update={"name": f"{recipe.name[:room]}-{addition}"})
