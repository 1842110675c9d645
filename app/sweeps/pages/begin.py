"""The settings of a new sweep: filled from a recipe, checked, and begun."""

import math
from http import HTTPStatus
from typing import Annotated, Any

import yaml
from fastapi import APIRouter, Form, Request, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.core.errors import AppError, InvalidError
from app.core.http import JobReader, JobWriter, database, storage_of
from app.core.i18n import _
from app.core.security import Viewer
from app.core.templating import render
from app.jobs.service.examination import invalid, read_recipe
from app.sweeps.pages.suggestions import Suggestion, suggestions
from app.sweeps.pages.words import see, to_sign_in
from app.sweeps.service import steering
from worker.contract.recipe import Recipe
from worker.contract.recipe_text import RecipeError, parse_recipe_text
from worker.contract.sweep_text import BLOCKS

router = APIRouter()
_Text = Annotated[str, Field(max_length=200_000)]


class Answers(BaseModel):
    """The form as it was sent. `try_*` and `values_*` belong to the suggestions, by number."""

    model_config = ConfigDict(extra="allow")
    recipe: _Text = ""
    sampler: str = Field(default="tpe", max_length=20)
    pruner: str = Field(default="median", max_length=20)
    n_trials: str = Field(default="12", max_length=10)
    at_once: str = Field(default="2", max_length=10)
    folds: str = Field(default="", max_length=10)
    group: str = Field(default="", max_length=100)
    refit: bool = False
    seeds: str = Field(default="", max_length=200)

    def of(self, name: str) -> str:
        """Return a field of a suggestion; empty if it was not sent."""
        value = (self.model_extra or {}).get(name, "")
        return value.strip() if isinstance(value, str) else ""


@router.get("/sweeps/new")
async def new(request: Request, viewer: JobReader) -> Response:
    """Send people to where a recipe is made; the settings come from there."""
    return see("/fine-tune") if viewer.is_signed_in else to_sign_in(request)


@router.post("/sweeps/new")
async def settings(
    request: Request, viewer: JobWriter, answers: Annotated[Answers, Form()]
) -> Response:
    """Show the settings of a sweep over a recipe."""
    return _page(request, viewer, answers, None, fresh=True)


@router.post("/sweeps")
async def start(
    request: Request, viewer: JobWriter, answers: Annotated[Answers, Form()]
) -> Response:
    """Begin a sweep, or show what stands against it."""
    try:
        # A transaction of its own: when it fails, the page can still be shown.
        async with database(request).transaction() as own:
            sweep = await steering.begin(
                own, database(request), storage_of(request), viewer, composed(answers)
            )
    except AppError as problem:
        return _page(request, viewer, answers, problem, fresh=False)
    return see(f"/sweeps/{sweep.id}")


def composed(answers: Answers) -> dict[str, JsonValue]:
    """Return the recipe with the blocks that the form asks for; its own blocks go before.

    Raises:
        InvalidError: the recipe is not YAML, or a field does not hold what it should.
    """
    values = _values(answers)
    if any(name in values for name in BLOCKS):
        return values
    recipe = _recipe(values)
    space: dict[str, JsonValue] = {
        item.path: _dimension(item, answers.of(f"values_{number}") or item.values)
        for number, item in enumerate(suggestions(recipe))
        if answers.of(f"try_{number}")
    }
    if space:
        search: dict[str, JsonValue] = {
            "sampler": answers.sampler,
            "pruner": answers.pruner,
            "max_concurrent_trials": _whole(answers.at_once, "at_once"),
            "space": space,
        }
        if answers.n_trials.strip():
            search["n_trials"] = _whole(answers.n_trials, "n_trials")
        values["search"] = search
    if answers.folds.strip():
        values["cross_validation"] = {
            "n_splits": _whole(answers.folds, "folds"),
            "group_column": answers.group.strip() or None,
            "refit": answers.refit,
        }
    if answers.seeds.strip():
        values["seeds"] = [_whole(one, "seeds") for one in _listed(answers.seeds)]
    return values


def _values(answers: Answers) -> dict[str, JsonValue]:
    try:
        return parse_recipe_text(answers.recipe.replace("\r\n", "\n"))
    except RecipeError as error:
        raise invalid(error, _("The recipe is not valid."), "recipe_invalid") from error


def _recipe(values: dict[str, JsonValue]) -> Recipe:
    return read_recipe({k: v for k, v in values.items() if k not in BLOCKS})


def _dimension(item: Suggestion, text: str) -> JsonValue:
    parts = _listed(text)
    if item.kind == "choice":
        choices: list[JsonValue] = [yaml.safe_load(part) for part in parts]
        return {"choice": choices}
    numbers: list[JsonValue] = [_number(part, item.title) for part in parts]
    return {"float": numbers, "log": item.log}


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.replace("，", ",").split(",") if part.strip()]


def _number(text: str, title: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise _not_a_number(text, title) from error
    if not math.isfinite(value):
        raise _not_a_number(text, title)
    return value


def _whole(text: str, title: str) -> int:
    if not text.strip().isascii() or not text.strip().isdigit():
        raise _not_a_number(text, title)
    return int(text)


def _not_a_number(text: str, title: str) -> InvalidError:
    return InvalidError(
        _("%(text)s is not a number (%(title)s).") % {"text": text, "title": title},
        fix=_("Write numbers with a point, and a comma between two of them."),
    )


def _page(
    request: Request, viewer: Viewer, answers: Answers, problem: AppError | None, *, fresh: bool
) -> Response:
    context: dict[str, Any] = {"items": [], "own_blocks": []}
    try:
        values = _values(answers)
        found = suggestions(_recipe(values))
        context["own_blocks"] = [name for name in BLOCKS if name in values]
        context["items"] = [
            (
                number,
                item,
                answers.of(f"values_{number}") or item.values,
                item.on if fresh else bool(answers.of(f"try_{number}")),
            )
            for number, item in enumerate(found)
        ]
    except InvalidError as error:
        problem = problem or error
    page = render(
        request,
        "sweeps/new.html",
        viewer=viewer,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
        answers=answers,
        problem=problem,
        **context,
    )
    page.headers["Cache-Control"] = "no-store"
    return page
