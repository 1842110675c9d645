"""Reading a recipe from YAML or JSON, with errors that say what, where and how to mend it."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import get_args

import yaml
from pydantic import BaseModel, JsonValue, ValidationError

from worker.contract.choices import AUTO, NUMBER
from worker.contract.recipe import Recipe
from worker.contract.tasks import TASKS

MAX_RECIPE_BYTES = 64 * 1024
MAX_DEPTH = 24
_SHOWN = 60
_OF_A_SWEEP = ("search", "cross_validation", "seeds", "reproducibility.seeds")
_SWEEP_FIX = "Submit it as a sweep, or remove it."
SUPPORTED_TASKS = tuple(TASKS)


@dataclass(frozen=True)
class RecipeProblem:
    """One thing that is wrong with a recipe. `path` is dotted, empty for the whole text."""

    path: str
    message: str
    fix: str

    def as_dict(self) -> dict[str, str]:
        """Return the three fields, as the API and the command line show them."""
        return asdict(self)


class RecipeError(ValueError):
    """The recipe cannot be used; `problems` says why, in the order of the text."""

    def __init__(self, problems: list[RecipeProblem]) -> None:
        self.problems = problems
        super().__init__("\n".join(f"{p.path or 'recipe'}: {p.message} {p.fix}" for p in problems))


class _Loader(yaml.SafeLoader):
    """YAML 1.2 plain values, no aliases, no repeated keys, bounded depth."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own way of declaring it
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse aliases: a small text could stand for a huge value."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(
                problem="aliases (*name) are not allowed", problem_mark=self.get_mark()
            )
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(
                problem=f"nested more than {MAX_DEPTH} levels deep",
                problem_mark=self.get_mark(),
            )
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:  # noqa: FBT001, FBT002 - PyYAML's signature
        """Refuse a key that is given twice: one of the two would be lost in silence."""
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key!r} is not a text", problem_mark=key_node.start_mark
                )
            if key in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key!r} is given twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        mapping: dict[object, object] = super().construct_mapping(node, deep)
        return mapping


# YAML 1.1 reads `no` as false and `1e-3` as a text; both are traps in a recipe.
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), ["t", "f"])
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""]
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]{1,18}$"), list("-+0123456789")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)


def parse_recipe_text(text: str) -> dict[str, JsonValue]:
    """Return the plain values of a YAML or JSON recipe, not yet validated.

    Raises:
        RecipeError: too large, not YAML, or not a mapping.
    """
    if len(text.encode()) > MAX_RECIPE_BYTES:
        raise _one("", "The recipe is larger than 64 KB.", "Remove what does not belong to it.")
    try:
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 - _Loader is a narrowed SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _one(
            "", f"This is not valid YAML: {_yaml_reason(error)}.", "Correct the line."
        ) from error
    if not isinstance(value, dict):
        raise _one("", "A recipe is a set of keys with values.", "Begin with `recipe: 1`.")
    return value


def recipe_from_text(text: str) -> Recipe:
    """Return the recipe a YAML or JSON text describes.

    Raises:
        RecipeError: with every problem found.
    """
    return recipe_from_values(parse_recipe_text(text))


def recipe_from_values(values: Mapping[str, JsonValue]) -> Recipe:
    """Return the recipe that plain values (from JSON, a form or a preset) describe.

    Raises:
        RecipeError: with every problem found.
    """
    task = values.get("task")
    if isinstance(task, str) and task not in SUPPORTED_TASKS:
        known = ", ".join(SUPPORTED_TASKS)
        message = f"The task {task!r} is not supported."
        raise _one("task", message, f"Set task to one of: {known}.")
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError(_problems([dict(item) for item in error.errors()])) from error


def recipe_to_yaml(recipe: Recipe) -> str:
    """Return the recipe as YAML with defaults left out; reading it back gives the same recipe."""
    values = recipe.model_dump(mode="json", exclude_defaults=True)
    values = {"recipe": 1, "name": recipe.name, "task": recipe.task, **values}
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)


def _one(path: str, message: str, fix: str) -> RecipeError:
    return RecipeError([RecipeProblem(path, message, fix)])


def _yaml_reason(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        line = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        return f"{error.problem or error.context}{line}"
    return str(error).splitlines()[0] if str(error) else "too deeply nested"


def _problems(items: list[dict[str, object]]) -> list[RecipeProblem]:
    # A list whose entries are wrong is also reported as too short; that second message misleads.
    problems = [_problem(item) for item in items if item["type"] != "too_short"]
    return problems or [_problem(item) for item in items]


def _problem(item: dict[str, object]) -> RecipeProblem:
    location = item["loc"]
    parts = [str(part) for part in location] if isinstance(location, tuple) else []
    shown = [part for part in parts if part not in {"stage", "macro", NUMBER, AUTO}]
    path = ".".join(shown)
    kind = str(item["type"])
    if kind == "extra_forbidden" and path in _OF_A_SWEEP:
        return RecipeProblem(path, "One job trains once; this asks for several.", _SWEEP_FIX)
    if kind == "extra_forbidden":
        return RecipeProblem(path, f"{shown[-1]!r} is not a key here.", _nearest(shown))
    if kind == "missing":
        return RecipeProblem(path, f"{shown[-1]!r} is missing.", f"Add `{shown[-1]}:`.")
    message = str(item["msg"]).removeprefix("Value error, ")
    return RecipeProblem(path, f"{message}.", f"You wrote {_shown(item.get('input'))}.")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:57]}..."


def _nearest(parts: list[str]) -> str:
    known = _known_keys(parts[:-1])
    close = difflib.get_close_matches(parts[-1], known, n=1)
    if close:
        return f"Did you mean `{close[0]}`?"
    return f"Remove it; known keys: {', '.join(known)}." if known else "Remove it."


def _known_keys(parents: list[str]) -> list[str]:
    """Return the keys allowed under a path, following the schema classes by field name."""
    classes: list[type[BaseModel]] = [Recipe]
    for part in parents:
        annotations = [c.model_fields[part].annotation for c in classes if part in c.model_fields]
        if annotations:
            classes = [found for note in annotations for found in _classes_in(note)]
    return sorted({name for found in classes for name in found.model_fields})


def _classes_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _classes_in(part)]
