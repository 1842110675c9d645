"""The fine-tune page: data, base and recipe chosen, checked, and started."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from app.core.errors import AppError, Detail
from app.core.http import Db, JobWriter, RepoReader
from app.core.redirects import see
from app.core.security import Viewer
from app.core.templating import render
from app.jobs.pages.finetune_look import Look
from app.jobs.pages.finetune_view import check_view, preset_cards, task_choice
from app.jobs.pages.recipe_form import form_fields
from app.jobs.pages.suggestions import (
    DEFAULT_PRESET,
    NOTHING_CHOSEN,
    draft_recipe,
    fitting_preset,
    is_blank,
    suggested_name,
    suggestions,
)
from app.jobs.pages.words import form_words
from app.jobs.policy import access_run
from app.jobs.service.submission import Begun, submit
from worker.contract.plan import Plan
from worker.contract.rank import RANKABLE
from worker.contract.recipe import Recipe
from worker.contract.recipe_text import RecipeError, recipe_from_text, recipe_to_yaml
from worker.contract.tasks import TASKS

router = APIRouter()
_Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]
_Text = Annotated[str, Form(max_length=200_000)]


class Wanted(BaseModel):
    """What a link to the form may choose; `from` is the number of an earlier job."""

    data: _Name = ""
    base: _Name = ""
    preset: _Name = DEFAULT_PRESET
    task: _Name = ""
    earlier: int = Field(default=0, alias="from", ge=0, le=2**63 - 1)


@dataclass(frozen=True)
class Chosen:
    """What the form holds: names as typed, the key of a preset, the recipe's text, the task."""

    data: str = ""
    base: str = ""
    preset: str = DEFAULT_PRESET
    text: str = field(default="", repr=False)
    task: str = ""
    begun: Begun | None = None


@dataclass(frozen=True)
class _Origin:
    """What a sent form says its recipe came from."""

    parent: Annotated[int, Form(ge=0, le=2**63 - 1)] = 0
    origin: Annotated[str, Form(max_length=100)] = ""
    shared: Annotated[str, Form(max_length=5)] = ""

    def begun(self) -> Begun | None:
        """Return it; None for a recipe of one's own."""
        if not (self.parent or self.origin):
            return None
        return Begun(self.parent or None, self.origin, shared=self.shared == "1")


@router.get("/fine-tune")
async def fine_tune(
    request: Request, db: Db, viewer: RepoReader, wanted: Annotated[Wanted, Query()]
) -> Response:
    """Show the form, filled with what the address chooses or with the recipe of an earlier job."""
    if wanted.earlier:
        job = await access_run(db, viewer, wanted.earlier)
        recipe = Plan.model_validate(job.plan).recipe
        begun = Begun(job.id, shared=True)
        return await _page(request, viewer, _chosen_by(recipe, recipe_to_yaml(recipe), begun))
    look = Look(request, viewer)
    data, base = await look.data(_named(wanted.data)), await look.base(_named(wanted.base))
    task = task_choice(wanted.task, data.facts, base.facts).name
    known = fitting_preset(wanted.preset, task, wanted.base)
    text = recipe_to_yaml(draft_recipe(known, wanted.base, wanted.data, task))
    return await _page(request, viewer, Chosen(wanted.data, wanted.base, known, text, task))


@router.post("/fine-tune")
async def start(
    request: Request,
    db: Db,
    viewer: JobWriter,
    recipe: _Text = "",
    action: Annotated[str, Form(max_length=10)] = "start",
    *,
    origin: Annotated[_Origin, Depends()],
) -> Response:
    """Queue a job for the recipe, or show what stands against it."""
    text = recipe.replace("\r\n", "\n")
    problem, begun = None, origin.begun()
    if action != "check":
        try:
            job, _known = await submit(db, Look(request, viewer).doctor, viewer, text, begun=begun)
            return see(f"/jobs/{job.id}")
        except AppError as error:
            problem = error
    return await _page(request, viewer, _chosen_by(_parsed(text), text, begun), problem)


@router.post("/fine-tune/check")
async def check(request: Request, viewer: RepoReader, recipe: _Text = "") -> Response:
    """Return what the doctor says of a recipe, as parts of the page."""
    found = await Look(request, viewer).check(recipe.replace("\r\n", "\n"))
    return render(request, "jobs/_checked.html", viewer=viewer, check=found)


def _parsed(text: str) -> Recipe | None:
    try:
        return recipe_from_text(text)
    except RecipeError:
        return None


def _chosen_by(recipe: Recipe | None, text: str, begun: Begun | None) -> Chosen:
    if recipe is None:
        return Chosen(preset="", text=text, begun=begun)
    return Chosen(recipe.data.train.repo, recipe.model.base.repo, "", text, recipe.task, begun)


async def _page(
    request: Request, viewer: Viewer, chosen: Chosen, problem: AppError | None = None
) -> Response:
    look = Look(request, viewer)
    found = await look.check(chosen.text)
    if problem is not None and not found.num_errors:
        details = [Detail("", problem.message, problem.fix)]
        found = check_view(recipe=_parsed(chosen.text), problems=details, where=found.where)
    data, base = await look.data(_named(chosen.data)), await look.base(_named(chosen.base))
    task = task_choice(chosen.task, data.facts, base.facts)
    page = render(
        request,
        "jobs/fine_tune.html",
        viewer=viewer,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
        chosen=chosen,
        here=str(request.url.path) + ("?" + request.url.query if request.url.query else ""),
        data=data,
        base=base,
        task=task,
        presets=preset_cards(task.name),
        recipe_text=chosen.text,
        check=found,
        form_data=_form_data(chosen),
        can_compare=task.name in RANKABLE,
        is_blank=is_blank,
        **await suggestions(look.database, viewer, task.name),
    )
    page.headers["Cache-Control"] = "no-store"
    return page


def _named(name: str) -> str:
    return "" if name == NOTHING_CHOSEN else name


def _form_data(chosen: Chosen) -> dict[str, Any]:
    name = suggested_name(chosen.base, chosen.data)
    modalities = {task: spec.modality for task, spec in TASKS.items()}
    return {**form_fields(), "words": form_words(), "suggested": name, "modalities": modalities}
