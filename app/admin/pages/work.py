"""Workers, queues and failed jobs."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from app.accounts import service as accounts
from app.admin import policy
from app.admin.pages.frame import LARGEST, Administrator, see, show
from app.admin.service import work as service
from app.admin.service.work import JobAct, WorkerAct
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import AppError, ConfirmationNeededError, NotFoundError
from app.core.http import Db
from app.core.security import Viewer
from app.jobs.service import fleet
from app.questions import service as questions

router = APIRouter()
Fingerprint = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]


class WorkerForm(BaseModel):
    """What is to be done with a worker."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    name: Annotated[str, Field(max_length=200)]
    do: WorkerAct
    confirm: Annotated[str, Field(max_length=200)] = ""


@router.get("/admin/workers")
async def workers_page(request: Request, db: Db, viewer: Administrator) -> HTMLResponse:
    """Show the workers, silent ones too, and what each does."""
    return await _workers(request, db, viewer)


async def _workers(
    request: Request, db: AsyncSession, viewer: Viewer, problem: AppError | None = None
) -> HTMLResponse:
    return show(request, "workers", viewer, problem=problem, rows=await fleet.workers(db))


@router.post("/admin/workers")
async def change_worker(
    request: Request, db: Db, viewer: Administrator, form: Annotated[WorkerForm, Form()]
) -> Response:
    """Drain, resume, shut out or let in a worker."""
    try:
        typed = form.confirm if form.do is WorkerAct.REVOKE else form.name
        actor_id = policy.require_proof(viewer, typed, form.name)
        async with db.begin_nested():
            await service.change_worker(db, actor_id, form.name, form.do)
    except (ConfirmationNeededError, NotFoundError):
        raise
    except AppError as problem:
        db.expire_all()
        return await _workers(request, db, viewer, problem)
    return see("/admin/workers?saved=1")


@router.get("/admin/queues")
async def queues_page(request: Request, db: Db, viewer: Administrator) -> HTMLResponse:
    """Show every queue; one that nobody serves is told as such."""
    return show(request, "queues", viewer, rows=await fleet.queues(db))


@router.get("/admin/jobs")
async def failures_page(
    request: Request,
    db: Db,
    viewer: Administrator,
    days: Literal["1", "7", "30"] = "7",
) -> HTMLResponse:
    """Show what failed, the same failures together."""
    since = now() - timedelta(days=int(days))
    return show(
        request, "failures", viewer, groups=await fleet.failure_groups(db, since), days=days
    )


@router.get("/admin/jobs/{fingerprint}")
async def failure_page(
    request: Request,
    db: Db,
    viewer: Administrator,
    fingerprint: Fingerprint,
    cursor: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
) -> HTMLResponse:
    """Show the jobs that failed in one way, and what people ask about it."""
    return await _failure(request, db, viewer, fingerprint, cursor)


async def _failure(  # what the page is made of
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    fingerprint: str,
    cursor: int | None = None,
    *,
    problem: AppError | None = None,
) -> HTMLResponse:
    rows = await fleet.failed_with(db, fingerprint, cursor)
    shown = rows[: fleet.PAGE]
    return show(
        request,
        "failure",
        viewer,
        problem=problem,
        fingerprint=fingerprint,
        rows=shown,
        owners=await accounts.account_refs(db, {job.owner_id for job in shown}),
        questions=await questions.questions_about(db, fingerprint),
        next_cursor=shown[-1].id if len(rows) > fleet.PAGE else None,
    )


@router.post("/admin/jobs/{fingerprint}")
async def change_jobs(  # what it takes
    request: Request,
    db: Db,
    viewer: Administrator,
    fingerprint: Fingerprint,
    job_id: Annotated[int, Form(ge=1, le=LARGEST)],
    do: Annotated[JobAct, Form()],
) -> Response:
    """Queue a failed job again, or cancel it."""
    try:
        actor_id = accounts.require_confirmed(viewer)
        async with db.begin_nested():
            await service.change_job(db, actor_id, job_id, do)
    except (ConfirmationNeededError, NotFoundError):
        raise
    except AppError as problem:
        db.expire_all()
        return await _failure(request, db, viewer, fingerprint, problem=problem)
    return see(f"/admin/jobs/{fingerprint}?saved=1")
