"""Comparisons in the browser."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, status
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.comments.schemas import MAX_BODY
from app.comparisons import service
from app.comparisons.curves import lines_of
from app.comparisons.schemas import ComparisonIn, ComparisonView
from app.core.db import AsyncSession
from app.core.errors import AppError
from app.core.http import Anybody, CommunityWriter, Db, JobReader
from app.core.markdown import Links
from app.core.security import Viewer
from app.core.templating import render
from app.jobs.service.control import list_jobs
from app.jobs.service.records import headline_of
from worker.contract.work import FINE_TUNE_KIND

router = APIRouter(include_in_schema=False)
_OFFERED = 30
_LINKS = Links(people="/")
Numbers = Annotated[list[int], Form()]
Words = Annotated[str, Form(max_length=MAX_BODY * 2)]


@router.get("/comparisons/new")
async def new_page(
    request: Request, db: Db, viewer: JobReader, job: Annotated[list[int] | None, Query()] = None
) -> HTMLResponse:
    """Show one's newest runs to choose from."""
    viewer.require_user()
    return await _form(request, db, viewer, ticked=job or [])


async def _form(  # for whom, with what in it
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    *,
    title: str = "",
    ticked: list[int],
    problem: AppError | None = None,
) -> HTMLResponse:
    page = await list_jobs(db, viewer.require_user(), (), None, _OFFERED)
    runs = [job for job in page.items if job.kind == FINE_TUNE_KIND]
    return render(
        request,
        "comparisons/new.html",
        viewer=viewer,
        status=problem.status if problem else 200,
        error=problem.message if problem else "",
        fix=problem.fix if problem else "",
        rows=[(job, headline_of(job)) for job in runs],
        title=title,
        ticked=ticked,
        own=await service.comparisons_of(db, viewer),
    )


@router.post("/comparisons")
async def share(
    request: Request, db: Db, viewer: CommunityWriter, title: Words = "", job: Numbers | None = None
) -> Response:
    """Share a comparison."""
    ticked = (job or [])[:50]
    new = ComparisonIn.model_construct(title=title, job_ids=ticked, hidden=[])
    try:
        async with db.begin_nested():
            made = await service.share(db, viewer, new)
    except AppError as problem:
        return await _form(request, db, viewer, title=title, ticked=ticked, problem=problem)
    return _see(made.url)


@router.get("/comparisons/{comparison_id}")
async def show(
    request: Request,
    db: Db,
    viewer: Anybody,
    comparison_id: int,
    after: Annotated[int, Query(alias="cursor", ge=0, lt=1 << 63)] = 0,
) -> HTMLResponse:
    """Show a comparison."""
    return _page(request, viewer, await service.read(db, viewer, comparison_id, after))


def _page(  # what somebody has written, and why it was refused
    request: Request,
    viewer: Viewer,
    found: ComparisonView,
    words: str = "",
    problem: AppError | None = None,
) -> HTMLResponse:
    best = max((run.value for run in found.runs if run.value is not None), default=None)
    return render(
        request,
        "comparisons/show.html",
        viewer=viewer,
        status=problem.status if problem else 200,
        error=problem.message if problem else "",
        fix=problem.fix if problem else "",
        found=found,
        best=best,
        lines=lines_of(found.runs),
        markups=[entry.markup(_LINKS) for entry in found.comments],
        words=words,
    )


@router.post("/comparisons/{comparison_id}/comments")
async def comment(
    request: Request, db: Db, viewer: CommunityWriter, comparison_id: int, comment: Words = ""
) -> Response:
    """Say something about a comparison."""
    try:
        async with db.begin_nested():
            made = await service.comment(db, viewer, comparison_id, comment)
    except AppError as problem:
        found = await service.read(db, viewer, comparison_id)
        return _page(request, viewer, found, comment, problem)
    return _see(f"/comparisons/{comparison_id}#comment-{made}")


@router.post("/comparisons/{comparison_id}/runs/{job_id}")
async def set_shown(
    db: Db,
    viewer: CommunityWriter,
    comparison_id: int,
    job_id: int,
    shown: Annotated[str, Form(max_length=1)] = "1",
) -> Response:
    """Show one of the runs to everybody, or to oneself alone."""
    await service.set_shown(db, viewer, comparison_id, job_id, shown=shown == "1")
    return _see(f"/comparisons/{comparison_id}")


@router.post("/comparisons/{comparison_id}/withdraw")
async def withdraw(db: Db, viewer: CommunityWriter, comparison_id: int) -> Response:
    """Remove a comparison."""
    await service.withdraw(db, viewer, comparison_id)
    return _see("/comparisons/new")


def _see(address: str) -> RedirectResponse:
    return RedirectResponse(address, status.HTTP_303_SEE_OTHER)
