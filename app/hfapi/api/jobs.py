"""Fine-tuning jobs under the envelope that `hf jobs` and `HfApi` speak."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.accounts import service as accounts
from app.core.db import AsyncSession
from app.core.errors import (
    AppError,
    BadRequestError,
    InvalidError,
    NotFoundError,
    UnsupportedError,
)
from app.core.http import Anybody, Db, JobReader, JobWriter, database, storage_of
from app.core.i18n import _
from app.core.security import Viewer
from app.hfapi import jobs_views
from app.hfapi.context import next_link
from app.hfapi.jobs_stream import LogStream, MetricsStream
from app.jobs.policy import access_job
from app.jobs.service import Job, control, overview, submission
from app.jobs.service.examination import Doctor

router = APIRouter(include_in_schema=False, max_body_size=1 << 20)

RECIPE_VARIABLE = "TUNINGFORK_RECIPE"
_PAGE = 100
_DEVICES = {"cpu": "cpu", "gpu": "cuda"}

Namespace = Annotated[str, Path(max_length=100)]


class JobIn(BaseModel):
    """A job to start: our recipe beside the keys of the envelope, of which only labels count."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    spec: dict[str, JsonValue] | str | None = None
    environment: dict[str, str] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)
    flavor: str | None = Field(default=None, max_length=100)


class LabelsIn(BaseModel):
    """The labels that a job shall have."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    labels: dict[str, str] = Field(default_factory=dict)


class FinishedError(AppError):
    """There are no live numbers of a job that has ended; clients know this status."""

    status = HTTPStatus.NOT_ACCEPTABLE
    code = "job_finished"


async def _require_own(db: AsyncSession, viewer: Viewer, namespace: str) -> int:
    """Return whose jobs the address is about: the viewer's, or anybody's for an administrator."""
    user_id = viewer.require_user()
    if namespace.casefold() == viewer.name.casefold():
        return user_id
    account = await accounts.find_account(db, namespace)
    if account is None or not viewer.is_admin:
        raise NotFoundError(_("There are no jobs of yours under this name."))
    return account.id


async def _job(db: AsyncSession, viewer: Viewer, namespace: str, job_id: str) -> Job:
    if not job_id.isascii() or not job_id.isdigit() or int(job_id) >= 1 << 63:
        raise NotFoundError(_("There is no such job."))
    job = await access_job(db, viewer, int(job_id))
    if job.owner_id != await _require_own(db, viewer, namespace):
        raise NotFoundError(_("There is no such job."))
    return job


async def _info(db: AsyncSession, job: Job) -> dict[str, Any]:
    return (await _infos(db, [job]))[0]


async def _infos(db: AsyncSession, jobs: list[Job]) -> list[dict[str, Any]]:
    inputs = await control.inputs_of(db, jobs)
    owners = await accounts.account_refs(db, [job.owner_id for job in jobs])
    return [
        jobs_views.job_info(job, owners[job.owner_id], inputs[job.id], control.told_failure(job))
        for job in jobs
    ]


@router.get("/api/jobs/hardware")
async def list_hardware(db: Db, _viewer: JobReader) -> list[dict[str, Any]]:
    """List what the workers that are there now offer; nothing here costs money."""
    return jobs_views.hardware(await overview.live_workers(db))


@router.get("/api/jobs/{namespace}")
async def list_jobs(  # noqa: PLR0913, PLR0917  # one argument a key of the query
    request: Request,
    response: Response,
    db: Db,
    viewer: JobReader,
    namespace: Namespace,
    stage: Annotated[list[str] | None, Query()] = None,
    label: Annotated[list[str] | None, Query()] = None,
    cursor: Annotated[str, Query(max_length=200)] = "",
) -> list[dict[str, Any]]:
    """List jobs, newest first."""
    owner_id = await _require_own(db, viewer, namespace)
    states = jobs_views.states_of(stage or [])
    labels = dict(_label(text) for text in label or [])
    if states is None:
        return []
    page = await control.list_jobs(db, owner_id, states, cursor or None, _PAGE, labels)
    if page.next_cursor:
        response.headers["Link"] = next_link(request, cursor=page.next_cursor)
    return await _infos(db, list(page.items))


def _label(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key or "\0" in text:
        raise BadRequestError('"label" must be written as key=value.')
    return key, value


@router.post("/api/jobs/{namespace}")
async def start_job(
    request: Request, db: Db, viewer: JobWriter, namespace: Namespace, body: JobIn
) -> dict[str, Any]:
    """Queue a job for the recipe in `spec`, or in the environment as TUNINGFORK_RECIPE."""
    if await _require_own(db, viewer, namespace) != viewer.user_id:
        raise NotFoundError(_("There are no jobs of yours under this name."))
    doctor = Doctor(database(request), storage_of(request), viewer)
    job, _replayed = await submission.submit(db, doctor, viewer, _recipe(body))
    await control.set_labels(db, job, body.labels)
    return await _info(db, job)


def _recipe(body: JobIn) -> dict[str, JsonValue] | str:
    spec = body.spec or body.environment.get(RECIPE_VARIABLE)
    if not spec:
        raise UnsupportedError(
            "This site fine-tunes models by recipe; it does not run images or commands.",
            fix=f"Send the recipe as `spec`, or in the environment as {RECIPE_VARIABLE}, "
            "or use `tuningfork submit`.",
            headers={"X-Error-Code": "NotSupported"},
        )
    if isinstance(spec, str) or body.flavor is None:
        return spec
    device = _DEVICES.get(body.flavor)
    if device is None:
        raise InvalidError('"flavor" must be cpu or gpu.', code="bad_flavor")
    resources = spec.get("resources")
    kept = resources if isinstance(resources, dict) else {}
    return {**spec, "resources": {"device": device, **kept}}


@router.get("/api/jobs/{namespace}/{job_id}")
async def inspect_job(
    db: Db, viewer: JobReader, namespace: Namespace, job_id: str
) -> dict[str, Any]:
    """Return one job."""
    return await _info(db, await _job(db, viewer, namespace, job_id))


@router.get("/api/jobs/{namespace}/{job_id}/logs")
async def stream_logs(  # whose log, and how much of it
    request: Request,
    db: Db,
    viewer: JobReader,
    namespace: Namespace,
    job_id: str,
    tail: Annotated[int | None, Query(ge=1, le=5000)] = None,
) -> Response:
    """Stream the log until the job has ended."""
    job = await _job(db, viewer, namespace, job_id)
    return _event_stream(LogStream(request, viewer, job.id, tail))


@router.get("/api/jobs/{namespace}/{job_id}/metrics")
async def stream_metrics(
    request: Request, db: Db, viewer: JobReader, namespace: Namespace, job_id: str
) -> Response:
    """Stream the newest numbers until the job has ended."""
    job = await _job(db, viewer, namespace, job_id)
    if job.state.is_final:
        raise FinishedError("This job has ended; its curves are on its page.")
    return _event_stream(MetricsStream(request, viewer, job.id))


def _event_stream(stream: LogStream | MetricsStream) -> Response:
    return StreamingResponse(
        stream.lines(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.post("/api/jobs/{namespace}/{job_id}/cancel")
async def cancel_job(
    db: Db, viewer: JobWriter, namespace: Namespace, job_id: str
) -> dict[str, Any]:
    """Cancel a job: at once while it waits, else as soon as its worker hears of it."""
    job = await _job(db, viewer, namespace, job_id)
    return await _info(db, await control.cancel_job(db, job))


@router.post("/api/jobs/{namespace}/{job_id}/duplicate")
async def duplicate_job(
    db: Db, viewer: JobWriter, namespace: Namespace, job_id: str
) -> dict[str, Any]:
    """Queue the same plan, on the same commits, as a new job with the same labels."""
    job = await _job(db, viewer, namespace, job_id)
    inputs = (await control.inputs_of(db, [job]))[job.id]
    again = await submission.rerun(db, viewer, job, inputs)
    await control.set_labels(db, again, job.labels)
    return await _info(db, again)


@router.put("/api/jobs/{namespace}/{job_id}/labels")
async def set_labels(
    db: Db, viewer: JobWriter, namespace: Namespace, job_id: str, body: LabelsIn
) -> dict[str, Any]:
    """Give a job these labels instead of those it had."""
    job = await _job(db, viewer, namespace, job_id)
    return await _info(db, await control.set_labels(db, job, body.labels))


@router.put("/api/jobs/{namespace}/{job_id}/expose")
async def expose_ports(_viewer: JobWriter, namespace: Namespace, job_id: str) -> None:
    """Refuse: jobs here open no ports."""
    del namespace, job_id
    raise UnsupportedError(
        "Jobs of this site open no ports.", headers={"X-Error-Code": "NotSupported"}
    )


@router.get("/jobs/{namespace}/{job_id}")
async def job_page(_viewer: Anybody, namespace: Namespace, job_id: str) -> Response:
    """Lead from the address that clients print to the job's page."""
    del namespace
    number = job_id if job_id.isascii() and job_id.isdigit() else ""
    return RedirectResponse(f"/jobs/{number}", HTTPStatus.SEE_OTHER)
