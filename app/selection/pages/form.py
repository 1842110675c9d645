"""The form that starts a comparison of base models."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import BaseModel, Field, JsonValue, StringConstraints

from app.core.errors import AppError
from app.core.http import JobWriter, RepoReader, database, storage_of
from app.core.redirects import see
from app.core.security import Viewer
from app.core.templating import render
from app.hub.schemas import RepositoryKind
from app.jobs.service.examination import Doctor
from app.jobs.service.nearby import near_names
from app.selection.service import Selector
from worker.contract.rank import DEFAULT_SAMPLES, MAX_CANDIDATES, RANK_KIND

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

    def request(self) -> dict[str, JsonValue]:
        """Return the values of the request."""
        stem = _NOT_IN_NAMES.sub("-", self.data.rpartition("/")[2]).strip("-._")[:80]
        values: dict[str, JsonValue] = {
            "kind": RANK_KIND,
            "name": f"{stem or 'data'}-bases",
            "candidates": [{"repo": name} for name in self.candidates],
            "data": {"train": {"repo": self.data}},
            "sample_limit": self.sample_limit,
        }
        return values | ({"image_size": self.image_size} if self.image_size else {})


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
    try:
        # A transaction of its own: when it fails half-way, the page can still be read.
        async with database(request).transaction() as db:
            selector = Selector(database(request), doctor, viewer)
            job, _known = await selector.submit(db, answers.request())
            job_id = job.id
    except AppError as error:
        return await _page(request, viewer, answers, error)
    return see(f"/compare/{job_id}")


async def _page(
    request: Request, viewer: Viewer, answers: Answers, problem: AppError | None = None
) -> Response:
    near = await near_names(database(request), viewer, RepositoryKind.MODEL, "image-classification")
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
        here=str(request.url.path) + ("?" + request.url.query if request.url.query else ""),
    )
    page.headers["Cache-Control"] = "no-store"
    return page


def _offered(near: Sequence[str], chosen: Sequence[str]) -> list[tuple[str, bool]]:
    """Return models to tick: the chosen ones, then others near at hand, all of them once."""
    names = list(dict.fromkeys([*chosen, *near]))[: 2 * MAX_CANDIDATES]
    # Two are needed at least; a form that begins with some ticked can be sent at once.
    ticked = set(chosen) if chosen else set(names[:5])
    return [(name, name in ticked) for name in names]
