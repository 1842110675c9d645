"""The page of one job: how it goes, what it came to, and what can be done with it."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request, Response
from pydantic import BaseModel, Field

from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from app.core.http import Db, JobReader, JobWriter, database, storage_of
from app.core.redirects import see, to_sign_in
from app.core.security import Scope, Viewer
from app.core.templating import render
from app.jobs.kinds import page_of
from app.jobs.pages import publish_form, run_view
from app.jobs.pages.after_view import after_view
from app.jobs.pages.measures import headline_metric, is_share, measured
from app.jobs.pages.result_view import result_view
from app.jobs.pages.ways_view import way_pictures
from app.jobs.pages.words import curve_words
from app.jobs.policy import access_job, access_run
from app.jobs.schemas import PublishIn
from app.jobs.service import control, submission
from app.jobs.service.publishing import Publisher, published_name
from app.jobs.service.run_record import RunRecord, run_record
from app.jobs.service.telling import failure_view, state_chip
from app.jobs.states import RESUMABLE_STATES
from app.jobs.tables import Job
from worker.contract.plan import Plan
from worker.contract.recipe_text import recipe_to_yaml
from worker.contract.work import FINE_TUNE_KIND

router = APIRouter()
JobId = Annotated[int, Path(ge=1, le=2**63 - 1)]
# Files of a run that people want; checkpoints are the worker's own, explanations are shown.
_HIDDEN_KINDS = ("checkpoint", "explanation")


@router.get("/jobs/{job_id}")
async def run_page(
    request: Request, job_id: JobId, db: Db, viewer: JobReader, *, parts: bool = False
) -> Response:
    """Show how a job goes; the page is complete without a script.

    With `parts` only what changes while it runs: the script draws the curves from the stream.
    """
    if not viewer.is_signed_in:
        return to_sign_in(request)
    job = await access_job(db, viewer, job_id)
    if job.kind != FINE_TUNE_KIND:
        return see(page_of(job))
    if not parts:
        return await show_run(request, db, viewer, job)
    record = await run_record(db, job, max_points=1)
    page = render(
        request, "jobs/_run_parts.html", viewer=viewer, **await _context(db, viewer, record, None)
    )
    page.headers["Cache-Control"] = "no-store"
    return page


async def show_run(
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    job: Job,
    refused: publish_form.Refused | None = None,
) -> Response:
    """Return the page of a job; `refused` is a publish form that has to be filled in again."""
    record = await run_record(db, job)
    page = render(
        request,
        "jobs/run.html",
        viewer=viewer,
        status=refused.problem.status if refused else 200,
        **await _context(db, viewer, record, refused),
    )
    page.headers["Cache-Control"] = "no-store"
    return page


async def _context(
    db: AsyncSession, viewer: Viewer, record: RunRecord, refused: publish_form.Refused | None
) -> dict[str, Any]:
    return {
        **page_context(record),
        "turn": await control.turn_of(db, record.job),
        "publish": await publish_form.publish_form(db, viewer, record, refused),
        "published": await published_name(db, viewer, record.job),
    }


def page_context(record: RunRecord) -> dict[str, Any]:
    """Return everything the templates of a run need, apart from the publish form."""
    job = record.job
    plan = Plan.model_validate(job.plan)
    run = run_view.progress(plan, record.events)
    clock = run_view.clock(job, run, record.points, plan.split_sizes.get("train", 0))
    outcome = result_view(job, plan)
    moment = now()
    return {
        "job": job,
        "plan": plan,
        "chip": state_chip(job),
        "inputs": record.inputs,
        "run": run,
        "clock": clock,
        "metric": (metric := headline_metric(job.task)),
        "measured": measured,
        "words": curve_words(metric),
        "elapsed_now": (moment - clock.started).total_seconds() if clock.started else 0.0,
        "ends_at": moment + timedelta(seconds=clock.seconds_left or 0),
        "worker_name": record.attempts[-1].worker_name if record.attempts else "",
        "has_worker": record.has_worker,
        "is_too_large": record.is_too_large,
        "can_resume": job.state in RESUMABLE_STATES,
        "failure": failure_view(job),
        "outcome": outcome,
        "after": after_view(job.id, outcome.result if outcome else None),
        "way_pictures": way_pictures(job.id, plan, record.artifacts),
        "attempts": run_view.attempt_views(record.attempts),
        "checkpoints": run_view.checkpoint_views(record.checkpoints),
        "downloads": [file for file in record.artifacts if file.kind not in _HIDDEN_KINDS],
        "happenings": run_view.happenings(record.events),
        "log": [line.line for line in record.log],
        "points": record.points,
        "recipe_yaml": recipe_to_yaml(plan.recipe),
        "first": _first(record, plan),
    }


def _first(record: RunRecord, plan: Plan) -> dict[str, Any]:
    """Return what the page's script begins with: the stream continues after `seq`."""
    job = record.job
    metric = headline_metric(job.task)
    return {
        "id": job.id,
        "title": job.title,
        "seq": job.event_seq,
        "stream": f"/api/v1/jobs/{job.id}/events/stream",
        "words": curve_words(metric),
        "is_share": is_share(metric),
        "stages": [
            {"index": item.index, "name": item.name, "epochs": item.stage.epochs or 0}
            for item in plan.stages
        ],
        "events": [
            {"kind": event.kind, "payload": event.payload}
            for event in record.events
            if event.kind in run_view.CURVE_KINDS
        ],
        "points": [
            {"step": point.step, "epoch": point.epoch, "stage": point.stage, **point.numbers}
            for point in record.points
        ],
    }


@router.post("/jobs/{job_id}/cancel")
async def cancel(job_id: JobId, db: Db, viewer: JobWriter) -> Response:
    """Ask for a job to end."""
    job = await access_job(db, viewer, job_id)
    await control.cancel_job(db, job)
    return see(f"/jobs/{job.id}")


@router.post("/jobs/{job_id}/resume")
async def resume(job_id: JobId, db: Db, viewer: JobWriter) -> Response:
    """Queue a failed or cancelled job again."""
    job = await access_job(db, viewer, job_id)
    await control.resume_job(db, job)
    return see(f"/jobs/{job.id}")


@router.post("/jobs/{job_id}/rerun")
async def rerun(job_id: JobId, db: Db, viewer: JobWriter) -> Response:
    """Do the same work once more, as a new job."""
    job = await access_job(db, viewer, job_id)
    inputs = (await control.inputs_of(db, [job]))[job.id]
    again = await submission.rerun(db, viewer, job, inputs)
    return see(f"/jobs/{again.id}")


class PublishAnswers(BaseModel):
    """The publish form as it was sent."""

    owner: str = Field(default="", max_length=100)
    name: str = Field(default="", max_length=200)
    private: bool = False


@router.post("/jobs/{job_id}/publish")
async def publish(
    request: Request,
    job_id: JobId,
    db: Db,
    viewer: JobWriter,
    answers: Annotated[PublishAnswers, Form()],
) -> Response:
    """Make a model repository of the result, or show the form again with what is wrong."""
    viewer.require_scope(Scope.REPOS_WRITE)
    job = await access_run(db, viewer, job_id)
    wanted = PublishIn(owner=answers.owner, name=answers.name.strip(), private=answers.private)
    try:
        # A transaction of its own: when it fails half-way, the page can still be read.
        async with database(request).transaction() as own:
            storage = storage_of(request)
            published = await Publisher(own, storage, viewer).publish(job, wanted)
    except (InvalidError, ConflictError, ForbiddenError, NotFoundError) as problem:
        refused = publish_form.Refused(problem, answers.owner, answers.name, answers.private)
        return await show_run(request, db, viewer, job, refused)
    return see(published.url)
