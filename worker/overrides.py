"""Settings on the command line that are laid over a recipe. Light: torch is not imported here."""

import yaml
from pydantic import JsonValue

from worker.contract.recipe import Recipe
from worker.contract.recipe_text import RecipeError, RecipeProblem, recipe_from_values


def with_settings(values: dict[str, JsonValue], settings: tuple[str, ...]) -> Recipe:
    """Return the recipe with `key.sub=value` settings laid over it; numbers index lists.

    Raises:
        RecipeError: a setting names no place, or the recipe is not valid.
    """
    for setting in settings:
        path, mark, text = setting.partition("=")
        if not mark or not path:
            raise _bad_setting(setting, "It must look like train.batch_size=8.")
        _put(values, path.split("."), yaml.safe_load(text), setting)
    return recipe_from_values(values)


def _put(values: JsonValue, parts: list[str], value: JsonValue, setting: str) -> None:
    for part in parts[:-1]:
        if isinstance(values, list) and part.isdigit() and int(part) < len(values):
            values = values[int(part)]
        elif isinstance(values, dict):
            values = values.setdefault(part, {})
        else:
            raise _bad_setting(setting, f"There is no {part!r} there.")
    last = parts[-1]
    if isinstance(values, list) and last.isdigit() and int(last) < len(values):
        values[int(last)] = value
    elif isinstance(values, dict):
        values[last] = value
    else:
        raise _bad_setting(setting, f"There is no {last!r} there.")


def _bad_setting(setting: str, fix: str) -> RecipeError:
    return RecipeError([RecipeProblem("", f"The setting {setting!r} cannot be applied.", fix)])
