"""The live sandbox of a question: its offer, what was run in it, and one run."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from app.core.db import AsyncSession
from app.core.errors import AppError
from app.core.http import Anybody, Db, JobWriter, database, storage_of
from app.core.security import Viewer
from app.jobs.service.examination import Doctor
from app.questions import service
from app.questions.pages.frame import Desk, see
from app.questions.schemas import SandboxIn, SandboxRunIn
from app.questions.service import sandboxes

router = APIRouter(prefix="/questions/{question_id}/sandbox")


async def _reading(request: Request, db: Db, viewer: Anybody) -> Desk:
    return Desk(request, db, viewer)


async def _running(request: Request, db: Db, viewer: JobWriter) -> Desk:
    return Desk(request, db, viewer)


ReadDesk = Annotated[Desk, Depends(_reading)]
RunDesk = Annotated[Desk, Depends(_running)]


class OfferForm(BaseModel):
    """What an asker offers, as typed."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    recipe: Annotated[str, Field(max_length=100_000)] = ""
    max_runs: Annotated[int, Field(ge=1, le=100)] = 5
    max_minutes: Annotated[float, Field(gt=0, le=600)] = 10
    hours: Annotated[int, Field(ge=1, le=24 * 30)] = 72


@router.get("")
async def show(desk: ReadDesk, question_id: int) -> HTMLResponse:
    """Show what the asker offers and what was run; for htmx the line under the question."""
    return await _page(desk, question_id)


async def _page(  # with what somebody typed, and why it was refused
    desk: Desk,
    question_id: int,
    *,
    form: OfferForm | None = None,
    patch: str = "",
    problem: AppError | None = None,
) -> HTMLResponse:
    if desk.is_fragment:
        found = await sandboxes.find(desk.db, desk.viewer, question_id)
        is_asker = await sandboxes.is_asker(desk.db, desk.viewer, question_id)
        return desk.show(
            "questions/_sandbox.html", found=found, is_asker=is_asker, question_id=question_id
        )
    question = await service.read_question(desk.db, desk.viewer, question_id)
    return desk.show(
        "questions/sandbox.html",
        problem=problem,
        question=question,
        found=await sandboxes.find(desk.db, desk.viewer, question_id),
        is_asker=await sandboxes.is_asker(desk.db, desk.viewer, question_id),
        form=form or await _offered(desk.db, desk.viewer, question_id),
        patch=patch,
        lines=sandboxes.problem_words(problem) if problem else (),
    )


async def _offered(db: AsyncSession, viewer: Viewer, question_id: int) -> OfferForm:
    found = await sandboxes.find(db, viewer, question_id)
    if found is not None:
        return OfferForm(
            recipe=found.recipe, max_runs=found.max_runs, max_minutes=found.max_minutes
        )
    return OfferForm(recipe=await sandboxes.recipe_asked_about(db, viewer, question_id))


@router.post("")
async def offer(desk: RunDesk, question_id: int, form: Annotated[OfferForm, Form()]) -> Response:
    """Offer a recipe, or change the offer."""
    given = SandboxIn.model_construct(**form.model_dump())
    doctor = Doctor(database(desk.request), storage_of(desk.request), desk.viewer)
    try:
        async with desk.db.begin_nested():
            await sandboxes.offer(desk.db, doctor, desk.viewer, question_id, given)
    except AppError as problem:
        return await _page(desk, question_id, form=form, problem=problem)
    return see(f"/questions/{question_id}/sandbox")


@router.post("/stop")
async def stop(desk: RunDesk, question_id: int) -> Response:
    """Stop the offer and what runs of it."""
    await sandboxes.stop(desk.db, desk.viewer, question_id)
    return see(f"/questions/{question_id}/sandbox")


@router.post("/runs")
async def run(
    desk: RunDesk, question_id: int, patch: Annotated[str, Form(max_length=20_000)] = ""
) -> Response:
    """Run the recipe, perhaps with a patch."""
    try:
        owner = sandboxes.runs_as(await sandboxes.owner_of(desk.db, desk.viewer, question_id))
        doctor = Doctor(database(desk.request), storage_of(desk.request), owner)
        async with desk.db.begin_nested():
            made = await sandboxes.run(
                desk.db, doctor, desk.viewer, question_id, SandboxRunIn(patch=patch)
            )
    except AppError as problem:
        return await _page(desk, question_id, patch=patch, problem=problem)
    return see(f"/questions/{question_id}/sandbox/runs/{made.num}")


@router.get("/runs/{num}")
async def show_run(desk: ReadDesk, question_id: int, num: int) -> HTMLResponse:
    """Show a run to who began it, and to the asker."""
    desk.viewer.require_user()
    question = await service.read_question(desk.db, desk.viewer, question_id)
    found = await sandboxes.read_run(desk.db, desk.viewer, question_id, num)
    return desk.show("questions/sandbox_run.html", question=question, found=found, run=found.run)


@router.post("/runs/{num}/cancel")
async def cancel_run(desk: RunDesk, question_id: int, num: int) -> Response:
    """Stop a run."""
    await sandboxes.cancel_run(desk.db, desk.viewer, question_id, num)
    return see(f"/questions/{question_id}/sandbox/runs/{num}")
