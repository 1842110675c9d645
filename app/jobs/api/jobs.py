"""Submitting, listing and steering jobs."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import JsonValue

from app.core.db import AsyncSession
from app.core.http import Db, JobReader, JobWriter, RepoWriter, database, storage_of
from app.core.i18n import _
from app.core.security import Viewer
from app.jobs.api import view
from app.jobs.api.credentials import MAX_ID
from app.jobs.policy import access_job
from app.jobs.schemas import (
    CheckOut,
    JobItem,
    JobOut,
    JobPage,
    JobState,
    PresetOut,
    PublishedOut,
    PublishIn,
    RecipeIn,
)
from app.jobs.service import control, publishing, submission
from app.jobs.service.examination import Doctor, read_recipe
from app.jobs.service.queueing import choose_queue
from app.jobs.tables import Job
from worker.contract.presets import ALL_PRESETS
from worker.contract.recipe import recipe_json_schema

# The longest recipe has 64 KB; JSON spells it a little longer.
router = APIRouter(prefix="/api/v1", tags=["jobs"], max_body_size=1 << 20)
JobId = Annotated[int, Path(ge=1, le=MAX_ID, description="The job's number.")]


def _doctor(request: Request, viewer: Viewer) -> Doctor:
    return Doctor(database(request), storage_of(request), viewer)


async def job_out(db: AsyncSession, viewer: Viewer, job: Job) -> JobOut:
    """Return a job, whole."""
    inputs = (await control.inputs_of(db, [job]))[job.id]
    item = view.job_item(job, inputs)
    return JobOut(
        **dict(item),
        owner=await publishing.owner_name(db, job),
        recipe=job.recipe,
        plan=job.plan,
        plan_hash=job.plan_hash,
        failure=control.told_failure(job),
        result=job.result,
        worker=await control.worker_of(db, job),
        worker_lost_count=job.worker_lost_count,
        num_ahead=await control.num_ahead(db, job),
        rerun_of=job.rerun_of,
        parent=job.parent_id,
        published=await publishing.published_name(db, viewer, job),
        event_seq=job.event_seq,
    )


@router.get("/recipes/schema")
async def recipe_schema(_viewer: JobReader) -> dict[str, JsonValue]:
    """Return the JSON Schema of recipes; it drives the form, the command line and this API."""
    return recipe_json_schema()


@router.get("/recipes/presets")
async def recipe_presets(_viewer: JobReader) -> list[PresetOut]:
    """Return the ready-made ways of fine-tuning."""
    return [
        PresetOut(key=p.key, title=_(p.title), summary=_(p.summary), recipe=p.build())
        for p in ALL_PRESETS
    ]


@router.post("/recipes/check")
async def check_recipe(body: RecipeIn, request: Request, db: Db, viewer: JobWriter) -> CheckOut:
    """Let the doctor look at a recipe and its data, without queueing anything."""
    recipe = read_recipe(body.recipe)
    examined = await _doctor(request, viewer).examine(recipe)
    return view.check_out(examined, await choose_queue(db, recipe))


@router.post(
    "/jobs",
    status_code=201,
    responses={
        409: {"description": "The same key is being worked on, or no GPU time is left."},
        413: {"description": "No room for what the job would leave."},
        422: {"description": "The recipe or the data are not fit; `details` says what and where."},
        429: {"description": "Too many of your jobs wait."},
    },
)
async def submit_job(
    body: RecipeIn,
    request: Request,
    response: Response,
    db: Db,
    viewer: JobWriter,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=255,
            description="Send the same key again to get the same job instead of a second one.",
        ),
    ] = None,
) -> JobOut:
    """Check a recipe and queue a job for it."""
    doctor = _doctor(request, viewer)
    job, replayed = await submission.submit(
        db,
        doctor,
        viewer,
        body.recipe,
        idempotency_key,
        submission.Begun(body.parent, shared=body.shared, priority=body.priority),
    )
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return await job_out(db, viewer, job)


@router.get("/jobs")
async def list_jobs(
    db: Db,
    viewer: JobReader,
    state: Annotated[list[JobState] | None, Query()] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 30,
) -> JobPage:
    """List your own jobs, newest first."""
    page = await control.list_jobs(db, viewer.require_user(), state or [], cursor, limit)
    inputs = await control.inputs_of(db, page.items)
    items: list[JobItem] = [view.job_item(job, inputs[job.id]) for job in page.items]
    return JobPage(items=items, next_cursor=page.next_cursor)


@router.get("/jobs/{job_id}")
async def get_job(job_id: JobId, db: Db, viewer: JobReader) -> JobOut:
    """Return one job."""
    return await job_out(db, viewer, await access_job(db, viewer, job_id))


@router.post("/jobs/{job_id}/cancel", status_code=202)
async def cancel_job(job_id: JobId, db: Db, viewer: JobWriter) -> JobOut:
    """Cancel a job: at once while it waits, else within seconds, when its worker hears of it."""
    job = await access_job(db, viewer, job_id)
    return await job_out(db, viewer, await control.cancel_job(db, job))


@router.post("/jobs/{job_id}/resume", status_code=202)
async def resume_job(job_id: JobId, db: Db, viewer: JobWriter) -> JobOut:
    """Queue a failed or cancelled job again; it goes on from its newest checkpoint."""
    job = await access_job(db, viewer, job_id)
    return await job_out(db, viewer, await control.resume_job(db, job))


@router.post("/jobs/{job_id}/rerun", status_code=201)
async def rerun_job(job_id: JobId, response: Response, db: Db, viewer: JobWriter) -> JobOut:
    """Queue the same plan, on the same commits, as a new job."""
    job = await access_job(db, viewer, job_id)
    inputs = (await control.inputs_of(db, [job]))[job.id]
    again = await submission.rerun(db, viewer, job, inputs)
    response.headers["Location"] = f"/api/v1/jobs/{again.id}"
    return await job_out(db, viewer, again)


@router.post("/jobs/{job_id}/publish", status_code=201)
async def publish_job(
    job_id: JobId, body: PublishIn, request: Request, db: Db, viewer: RepoWriter
) -> PublishedOut:
    """Make a model repository of the result: weights, config, labels, card, curves, lineage."""
    job = await access_job(db, viewer, job_id)
    return await publishing.Publisher(db, storage_of(request), viewer).publish(job, body)
