"""Recipe patches in answers: how they are written, and what becomes of a recipe."""

from copy import deepcopy
from typing import Any

from pydantic import JsonValue

from app.core.errors import Detail, InvalidError
from app.core.i18n import _
from worker.contract.recipe_text import RecipeError, parse_recipe_text

_OPENING, _CLOSING = "```recipe-patch", "```"
_MOST_DIGITS = 6
_MOST_KEYS = 50


def patch_in(body: str) -> str:
    """Return the first recipe patch of an answer, as it was typed; empty without one."""
    lines = body.splitlines()
    opened = [at for at, line in enumerate(lines) if line.rstrip() == _OPENING][:1]
    for begin in opened:
        for end in range(begin + 1, len(lines)):
            if lines[end].rstrip() == _CLOSING:
                return "\n".join(lines[begin + 1 : end]) + "\n"
    return ""


def read_patch(text: str) -> dict[str, JsonValue]:
    """Return a patch: paths with dots (`train.stages.0.optimizer.lr`) to values; null removes.

    Raises:
        InvalidError: this is no mapping of paths to values.
    """
    try:
        values = parse_recipe_text(text)
    except RecipeError as error:
        raise _bad_patch(error.problems[0].message) from error
    if not values or len(values) > _MOST_KEYS:
        raise _bad_patch(_("a patch is a mapping of paths to values"))
    return values


def _bad_patch(why: str) -> InvalidError:
    problem = _("This recipe patch cannot be read: %(why)s.") % {"why": why}
    fix = _("Write a line such as “train.batch_size: 16” for each value that changes.")
    return InvalidError(problem, fix=fix, code="bad_patch", details=[Detail("body", problem, fix)])


def patched(recipe: dict[str, Any], patch: dict[str, JsonValue]) -> dict[str, Any]:
    """Return the recipe with the patch in it; the given one stays as it is.

    Raises:
        InvalidError: a path leads nowhere in this recipe.
    """
    made = deepcopy(recipe)
    for path, value in patch.items():
        _set(made, path.split("."), value, path)
    return made


def _set(at: Any, steps: list[str], value: JsonValue, path: str) -> None:
    for step in steps[:-1]:
        at = at.setdefault(step, {}) if isinstance(at, dict) else _item(at, step, path)
    last = steps[-1]
    if isinstance(at, list):
        at[_index(at, last, path)] = value
    elif not isinstance(at, dict):
        raise _bad_patch(_("“%(path)s” leads nowhere in this recipe") % {"path": path})
    elif value is None:
        at.pop(last, None)
    elif isinstance(value, dict) and isinstance(at.get(last), dict):
        for key, inner in value.items():
            _set(at[last], [key], inner, path)
    else:
        at[last] = value


def _item(at: Any, step: str, path: str) -> Any:
    return at[_index(at, step, path)]


def _index(at: Any, step: str, path: str) -> int:
    is_number = step.isascii() and step.isdecimal() and len(step) <= _MOST_DIGITS
    if isinstance(at, list) and is_number and int(step) < len(at):
        return int(step)
    raise _bad_patch(_("“%(path)s” leads nowhere in this recipe") % {"path": path})
