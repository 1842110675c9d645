"""The form that starts a comparison of base models."""

import re
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import BaseModel, Field, JsonValue, StringConstraints

from app.core.errors import AppError
from app.core.http import JobWriter, RepoReader, database, storage_of
from app.core.redirects import see
from app.core.security import Viewer
from app.core.templating import render
from app.datasets.service import InventoryTaker
from app.hub.schemas import RepositoryKind
from app.jobs.service.examination import Doctor
from app.jobs.service.nearby import near_bases, near_names
from app.selection.service import Selector
from worker.contract.rank import DEFAULT_SAMPLES, MAX_CANDIDATES, RANK_KIND, RANKABLE
from worker.contract.recipe import Columns
from worker.contract.tasks import TASKS, TaskName, fitting_tasks

router = APIRouter()
SAMPLE_LIMITS = (200, 500, DEFAULT_SAMPLES, 2000, 5000)
IMAGE_SIZES = (96, 128, 160, 224)
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]


class Wanted(BaseModel):
    """What a link to the form may choose."""

    data: _Name = ""
    base: list[_Name] = Field(default_factory=list, max_length=MAX_CANDIDATES)


class Answers(Wanted):
    """The form as it was sent. `more` names further models, one a line."""

    more: str = Field(default="", max_length=10_000)
    sample_limit: int = DEFAULT_SAMPLES
    image_size: int = Field(default=0, description="0: each model's own.")

    @property
    def candidates(self) -> list[str]:
        """Every chosen model once, in order."""
        return list(dict.fromkeys([*self.base, *self.more.split()]))

    def request(self, task: TaskName) -> dict[str, JsonValue]:
        """Return the values of the request."""
        stem = _NOT_IN_NAMES.sub("-", self.data.rpartition("/")[2]).strip("-._")[:80]
        values: dict[str, JsonValue] = {
            "kind": RANK_KIND,
            "name": f"{stem or 'data'}-bases",
            "task": task,
            "candidates": [{"repo": name} for name in self.candidates],
            "data": {"train": {"repo": self.data}},
            "sample_limit": self.sample_limit,
        }
        sized = self.image_size and TASKS[task].modality == "image"
        return values | ({"image_size": self.image_size} if sized else {})


@router.get("/compare")
async def compare(
    request: Request, viewer: RepoReader, wanted: Annotated[Wanted, Query()]
) -> Response:
    """Show the form, filled with what the address chooses."""
    return await _page(request, viewer, Answers(data=wanted.data, base=wanted.base))


@router.post("/compare")
async def start(
    request: Request, viewer: JobWriter, answers: Annotated[Answers, Form()]
) -> Response:
    """Queue the comparison, or show what stands against it."""
    doctor = Doctor(database(request), storage_of(request), viewer)
    task = await _task_of(request, viewer, answers.data)
    try:
        # A transaction of its own: when it fails half-way, the page can still be read.
        async with database(request).transaction() as db:
            selector = Selector(database(request), doctor, viewer)
            job, _known = await selector.submit(db, answers.request(task))
            job_id = job.id
    except AppError as error:
        return await _page(request, viewer, answers, error)
    return see(f"/compare/{job_id}")


async def _page(
    request: Request, viewer: Viewer, answers: Answers, problem: AppError | None = None
) -> Response:
    task = await _task_of(request, viewer, answers.data)
    near = await near_bases(database(request), viewer, task)
    page = render(
        request,
        "selection/form.html",
        viewer=viewer,
        status=problem.status if problem else HTTPStatus.OK,
        answers=answers,
        offered=_offered(near, answers.base),
        data_names=await near_names(database(request), viewer, RepositoryKind.DATASET),
        sample_limits=SAMPLE_LIMITS,
        image_sizes=IMAGE_SIZES,
        max_candidates=MAX_CANDIDATES,
        problem=problem,
        modality=TASKS[task].modality,
        here=str(request.url.path) + ("?" + request.url.query if request.url.query else ""),
    )
    page.headers["Cache-Control"] = "no-store"
    return page


async def _task_of(request: Request, viewer: Viewer, data: str) -> TaskName:
    """Return what data would be ranked for; the usual task while that cannot be told."""
    fields: list[str] = []
    if data:
        taker = InventoryTaker(database(request), storage_of(request), viewer)
        # What is wrong with the data is told when the comparison is to begin.
        with suppress(AppError):
            fields = (await taker.look(data, None, Columns())).fields
    return next((name for name in fitting_tasks(fields) if name in RANKABLE), RANKABLE[0])


def _offered(near: Sequence[str], chosen: Sequence[str]) -> list[tuple[str, bool]]:
    """Return models to tick: the chosen ones, then others near at hand, all of them once."""
    names = list(dict.fromkeys([*chosen, *near]))[: 2 * MAX_CANDIDATES]
    # Two are needed at least; a form that begins with some ticked can be sent at once.
    ticked = set(chosen) if chosen else set(names[:5])
    return [(name, name in ticked) for name in names]
