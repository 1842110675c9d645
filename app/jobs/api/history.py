"""What a job left: events (also as a live stream), log, curves, attempts, checkpoints, files."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from app.core.http import Db, JobReader
from app.core.paths import repo_path
from app.jobs.api import view
from app.jobs.api.files import file_response
from app.jobs.api.jobs import JobId
from app.jobs.api.stream import JobStream
from app.jobs.policy import access_job
from app.jobs.schemas import (
    ArtifactOut,
    AttemptOut,
    CheckpointOut,
    EventPage,
    LogPage,
    MetricsOut,
)
from app.jobs.service import curves, files, records

router = APIRouter(prefix="/api/v1/jobs/{job_id}", tags=["jobs"])
After = Annotated[int, Query(ge=0, le=2**62, description="Only what is numbered above this.")]


@router.get("/events")
async def list_events(
    job_id: JobId,
    db: Db,
    viewer: JobReader,
    after: After = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
) -> EventPage:
    """Return events in order, from `after` on."""
    job = await access_job(db, viewer, job_id)
    events = await records.events_after(db, job, after, limit)
    return EventPage(
        items=[view.event_out(event) for event in events],
        last_seq=events[-1].seq if events else after,
    )


@router.get(
    "/events/stream",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {}}},
        204: {"description": "The job has ended and there is nothing more."},
    },
)
async def stream_events(
    job_id: JobId,
    request: Request,
    db: Db,
    viewer: JobReader,
    after: After = 0,
    last_event_id: Annotated[str | None, Header(max_length=30)] = None,
) -> Response:
    """Stream events as they happen (server-sent events; the id of each is its number).

    A client that reconnects sends `Last-Event-ID` and neither misses nor repeats anything. The
    stream ends after the last event of a job that has ended; asking again then answers 204.
    """
    job = await access_job(db, viewer, job_id)
    if last_event_id is not None and last_event_id.isascii() and last_event_id.isdigit():
        after = max(after, int(last_event_id))
    if job.state.is_final and after >= job.event_seq:
        return Response(status_code=204)
    stream = JobStream(request, viewer, job_id, after)
    return StreamingResponse(
        stream.lines(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.get("/logs")
async def read_log(
    job_id: JobId,
    db: Db,
    viewer: JobReader,
    after: After = 0,
    tail: Annotated[int | None, Query(ge=1, le=5000)] = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
) -> LogPage:
    """Return log lines: from a number on, or the last `tail` ones."""
    job = await access_job(db, viewer, job_id)
    lines = await records.log_lines(db, job, after, tail, limit)
    return LogPage(
        items=[view.log_line_out(line) for line in lines],
        last_number=lines[-1].number if lines else after,
    )


@router.get("/metrics")
async def read_metrics(job_id: JobId, db: Db, viewer: JobReader) -> MetricsOut:
    """Return the curves, thinned evenly to about 2,000 points."""
    return await curves.curves(db, await access_job(db, viewer, job_id))


@router.get("/attempts")
async def list_attempts(job_id: JobId, db: Db, viewer: JobReader) -> list[AttemptOut]:
    """Return every execution of the job, oldest first."""
    job = await access_job(db, viewer, job_id)
    return [view.attempt_out(attempt) for attempt in await records.attempts_of(db, job)]


@router.get("/checkpoints")
async def list_checkpoints(job_id: JobId, db: Db, viewer: JobReader) -> list[CheckpointOut]:
    """Return every complete checkpoint, oldest first."""
    job = await access_job(db, viewer, job_id)
    return [view.checkpoint_out(item) for item in await records.checkpoints_of(db, job)]


@router.get("/artifacts")
async def list_artifacts(job_id: JobId, db: Db, viewer: JobReader) -> list[ArtifactOut]:
    """Return the newest file of every path."""
    job = await access_job(db, viewer, job_id)
    return [view.artifact_out(item) for item in await files.artifacts_of(db, job)]


@router.get("/artifacts/{path:path}", response_class=StreamingResponse)
async def download_artifact(
    job_id: JobId, path: str, request: Request, db: Db, viewer: JobReader
) -> Response:
    """Download a file the job left; `Range` is obeyed."""
    job = await access_job(db, viewer, job_id)
    return file_response(request, await files.artifact_of(db, job, repo_path(path)))
