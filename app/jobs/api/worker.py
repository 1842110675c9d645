"""The worker's side of the API: register, claim, and everything an attempt reports."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter, ValidationError

from app.core.clock import now
from app.core.errors import BadRequestError, InvalidError
from app.core.http import Db, SiteSettings, database, storage_of
from app.core.i18n import _
from app.core.paths import repo_path
from app.jobs.api.credentials import HeldAttempt, WorkerKey
from app.jobs.api.files import file_response
from app.jobs.service import attempts, files, intake
from app.jobs.tables import Checkpoint, Job, JobInput
from app.jobs.tokens import AttemptRef, new_job_token
from worker.contract.protocol import (
    ArtifactKind,
    CheckpointFile,
    CheckpointManifest,
    Claim,
    ClaimRequest,
    EventBatch,
    EventsReply,
    Fail,
    Finish,
    Heartbeat,
    HeartbeatReply,
    OutputPath,
    Registered,
    Registration,
    Release,
    RepositoryPin,
    ResumePoint,
    StoredFile,
)

router = APIRouter(prefix="/api/v1/worker", tags=["worker"])
ATTEMPT = "/jobs/{job_id}/attempts/{attempt}"
# With a broker the bell wakes a worker; its own poll is then only a safety net.
POLL_S, POLL_WITHOUT_BELL_S = 5.0, 2.0

# Results hold confusion matrices, batches hold log lines; files are streamed and have no such cap.
_MAX_JSON_BYTES = 64 << 20

_PATH: TypeAdapter[str] = TypeAdapter(OutputPath)


@router.post("/register", dependencies=[WorkerKey], max_body_size=1 << 20)
async def register(body: Registration, db: Db, settings: SiteSettings) -> Registered:
    """Introduce a worker; it may come again at any time."""
    worker = await attempts.register(db, body)
    poll_s = POLL_S if settings.broker_url else POLL_WITHOUT_BELL_S
    return Registered(worker_id=worker.id, lease_s=settings.lease_s, poll_s=poll_s)


@router.post(
    "/claim",
    max_body_size=1 << 20,
    dependencies=[WorkerKey],
    response_model=Claim,
    responses={204: {"description": "Nothing to do."}},
)
async def claim(body: ClaimRequest, db: Db, settings: SiteSettings) -> object:
    """Lease the longest waiting job of the worker's queues."""
    attempts.check_protocol(body.protocol)
    worker_id = _worker_id(body.worker_id)
    claimed = await attempts.claim(db, worker_id, body.queues, settings.lease_s)
    if claimed is None:
        return Response(status_code=204)
    job, inputs, checkpoint = claimed
    ref = AttemptRef(job.id, job.attempt)
    return Claim(
        job_id=job.id,
        attempt=job.attempt,
        token=new_job_token(settings.secret_key.get_secret_value(), ref, now()),
        lease_s=settings.lease_s,
        plan=job.plan,
        recipe=job.recipe,
        repositories=tuple(_pin(item) for item in inputs),
        resume=_resume_point(job, checkpoint) if checkpoint else None,
    )


def _worker_id(given: int | str) -> int:
    text = str(given)
    if not text.isascii() or not text.isdigit() or len(text) > 18:  # noqa: PLR2004  # fits a bigint
        raise BadRequestError(_("This worker is not registered."), fix=_("Register again."))
    return int(text)


def _pin(item: JobInput) -> RepositoryPin:
    return RepositoryPin.model_validate(
        {"role": item.role, "kind": item.kind, "repo": item.name, "commit": item.commit}
    )


def _resume_point(job: Job, checkpoint: Checkpoint) -> ResumePoint:
    stored = [StoredFile.model_validate(file) for file in checkpoint.files]
    base = f"/api/v1/worker/jobs/{job.id}/attempts/{job.attempt}/artifacts"
    return ResumePoint(
        stage=checkpoint.stage,
        epoch=checkpoint.epoch,
        step=checkpoint.step,
        files=tuple(
            CheckpointFile(
                path=file.path, sha256=file.sha256, size=file.size, url=f"{base}/{file.path}"
            )
            for file in stored
        ),
    )


@router.post(ATTEMPT + "/heartbeat", max_body_size=_MAX_JSON_BYTES)
async def heartbeat(
    ref: HeldAttempt, body: Heartbeat, db: Db, settings: SiteSettings
) -> HeartbeatReply:
    """Keep the lease; the answer says whether somebody wants the job cancelled."""
    cancel_requested = await attempts.heartbeat(db, ref, settings.lease_s, body.progress)
    return HeartbeatReply(lease_s=settings.lease_s, cancel_requested=cancel_requested)


@router.post(ATTEMPT + "/events", max_body_size=_MAX_JSON_BYTES)
async def report_events(ref: HeldAttempt, body: EventBatch, db: Db) -> EventsReply:
    """Store events; those that were stored before are skipped."""
    accepted, cancel_requested = await intake.store_events(db, ref, body.events)
    return EventsReply(accepted_up_to=accepted, cancel_requested=cancel_requested)


@router.put(ATTEMPT + "/artifacts/{path:path}", status_code=201)
async def store_artifact(
    ref: HeldAttempt,
    path: str,
    request: Request,
    x_content_sha256: Annotated[str, Header(pattern=r"^[0-9a-f]{64}$")],
    x_artifact_kind: Annotated[ArtifactKind, Header()] = ArtifactKind.OTHER,
) -> StoredFile:
    """Store the body as a file of the attempt. It counts only if hash and attempt are right."""
    announced = files.Announced(
        path=_output_path(path), kind=x_artifact_kind, sha256=x_content_sha256
    )
    return await files.receive(
        database(request), storage_of(request), ref, announced, request.stream()
    )


def _output_path(path: str) -> str:
    try:
        return _PATH.validate_python(repo_path(path))
    except ValidationError as error:
        raise InvalidError(_("This is not a path of an attempt's output.")) from error


@router.get(ATTEMPT + "/artifacts/{path:path}", response_class=StreamingResponse)
async def fetch_artifact(
    ref: HeldAttempt,
    path: Annotated[str, Path()],
    request: Request,
    db: Db,
) -> Response:
    """Return a file that an attempt of the same job stored, to resume from it."""
    artifact = await files.artifact_for_attempt(db, ref, _output_path(path))
    return file_response(request, artifact)


@router.post(ATTEMPT + "/checkpoints", max_body_size=_MAX_JSON_BYTES, status_code=201)
async def store_checkpoint(ref: HeldAttempt, body: CheckpointManifest, db: Db) -> dict[str, bool]:
    """Make a checkpoint count, after each of its files was stored."""
    await attempts.save_checkpoint(db, ref, body)
    return {"stored": True}


@router.post(ATTEMPT + "/finish", max_body_size=_MAX_JSON_BYTES)
async def finish(ref: HeldAttempt, body: Finish, db: Db) -> dict[str, str]:
    """End the attempt with its result."""
    job = await attempts.finish(db, ref, body)
    return {"state": job.state.value}


@router.post(ATTEMPT + "/fail", max_body_size=_MAX_JSON_BYTES)
async def fail(ref: HeldAttempt, body: Fail, db: Db) -> dict[str, str]:
    """End the attempt with a reason."""
    job = await attempts.fail(db, ref, body.failure)
    return {"state": job.state.value}


@router.post(ATTEMPT + "/release", max_body_size=_MAX_JSON_BYTES)
async def release(ref: HeldAttempt, body: Release, db: Db) -> dict[str, str]:
    """Give the job back to its queue without charging the attempt."""
    job = await attempts.release(db, ref, body)
    return {"state": job.state.value}


@router.post(ATTEMPT + "/cancelled", max_body_size=_MAX_JSON_BYTES)
async def cancelled(ref: HeldAttempt, db: Db) -> dict[str, str]:
    """Say that the attempt has stopped because the job was to be cancelled."""
    job = await attempts.cancelled(db, ref)
    return {"state": job.state.value}
