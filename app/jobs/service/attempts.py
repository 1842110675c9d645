"""What a worker may do to a job: every change names its attempt and is refused when stale."""

from collections.abc import Sequence

import structlog
from pydantic import JsonValue

from app.core.db import AsyncSession
from app.core.errors import ConflictError, Detail, InvalidError, NotFoundError
from app.core.i18n import _
from app.core.runtime import Mode, switches_of
from app.jobs.queries import history, leases
from app.jobs.queries import jobs as job_queries
from app.jobs.queries.turns import GPU_QUEUE
from app.jobs.service import news
from app.jobs.service.cleaning import clean_object
from app.jobs.service.fingerprints import fingerprint_of
from app.jobs.states import AttemptOutcome, JobState
from app.jobs.tables import Attempt, Checkpoint, Job, JobInput, Worker
from app.jobs.tokens import AttemptRef
from app.quotas.service import sharing
from worker.contract.failures import Failure, FailureCode
from worker.contract.protocol import (
    PROTOCOL,
    STALE_ATTEMPT,
    CheckpointManifest,
    Finish,
    Registration,
    Release,
    StoredFile,
)

log = structlog.get_logger(__name__)


def stale() -> ConflictError:
    """Return the answer that makes a worker stop at once."""
    return ConflictError(_("This attempt is no longer the current one."), code=STALE_ATTEMPT)


async def register(db: AsyncSession, registration: Registration) -> Worker:
    """Note what a worker can do.

    Raises:
        ConflictError: it speaks another protocol; it must be updated, no job fails by it.
    """
    check_protocol(registration.protocol)
    return await job_queries.save_worker(
        db,
        registration.name,
        registration.queues,
        registration.capabilities.model_dump(mode="json"),
        registration.version,
    )


def check_protocol(protocol: int) -> None:
    """Pass only workers whose messages this site understands.

    Raises:
        ConflictError: another protocol.
    """
    if protocol != PROTOCOL:
        raise ConflictError(
            _("This site speaks another version of the worker protocol."),
            fix=_("Install the same version of the worker as of the site."),
            code="protocol_unsupported",
        )


async def claim(
    db: AsyncSession, worker_id: int, queues: Sequence[str], lease_s: float
) -> tuple[Job, Sequence[JobInput], Checkpoint | None] | None:
    """Lease a waiting job to a worker; return it with its inputs and where to resume.

    Raises:
        NotFoundError: the worker is not registered.
    """
    worker = await leases.see_worker(db, worker_id)
    if worker is None:
        raise NotFoundError(_("This worker is not registered."), fix=_("Register again."))
    if _takes_nothing(db, worker):
        return None
    job = await leases.claim(db, worker, queues, lease_s)
    if job is None:
        return None
    checkpoint = await history.newest_checkpoint(db, job.id)
    db.add(
        Attempt(
            job_id=job.id,
            number=job.attempt,
            worker_name=worker.name,
            resumed_epoch=checkpoint.epoch if checkpoint else None,
        )
    )
    await news.record(
        db,
        job,
        news.ATTEMPT_STARTED,
        {
            "attempt": job.attempt,
            "worker": worker.name,
            "resumed_epoch": checkpoint.epoch if checkpoint else None,
        },
    )
    log.info("job_claimed", job_id=job.id, attempt=job.attempt, worker=worker.name)
    return job, await job_queries.inputs_of(db, [job.id]), checkpoint


def _takes_nothing(db: AsyncSession, worker: Worker) -> bool:
    """Whether an administrator wants this worker, or all of them, to begin nothing new."""
    switches = switches_of(db)
    stopped = worker.drained_at is not None or worker.revoked_at is not None
    return stopped or switches.is_on(Mode.READ_ONLY) or switches.is_on(Mode.MAINTENANCE)


async def heartbeat(
    db: AsyncSession, ref: AttemptRef, lease_s: float, progress: float | None
) -> bool:
    """Extend the lease; return whether somebody wants the job cancelled.

    Raises:
        ConflictError: the attempt is stale.
    """
    job = await leases.extend(db, ref, lease_s, progress)
    if job is None:
        raise stale()
    if job.worker_id is not None:
        worker = await leases.see_worker(db, job.worker_id)
        if worker is not None and worker.revoked_at is not None:
            raise stale()
    return job.cancel_requested


async def save_artifact(db: AsyncSession, ref: AttemptRef, stored: StoredFile) -> None:
    """Note a file whose bytes have been stored.

    Raises:
        ConflictError: the attempt is stale; its bytes stay, unused.
    """
    if await leases.lock_attempt(db, ref) is None:
        raise stale()
    await history.save_artifact(
        db,
        {
            "job_id": ref.job_id,
            "attempt": ref.attempt,
            "path": stored.path,
            "kind": stored.kind.value,
            "sha256": stored.sha256,
            "size": stored.size,
        },
    )


async def save_checkpoint(db: AsyncSession, ref: AttemptRef, manifest: CheckpointManifest) -> None:
    """Make a checkpoint count, now that every file of it is stored; twice is once.

    Raises:
        ConflictError: the attempt is stale.
        InvalidError: a file was not stored.
    """
    if await leases.note_progress_kept(db, ref) is None:
        raise stale()
    await _require_stored(db, ref, manifest.files)
    checkpoint = Checkpoint(
        job_id=ref.job_id,
        attempt=ref.attempt,
        stage=manifest.stage,
        epoch=manifest.epoch,
        step=manifest.step,
        files=[file.model_dump(mode="json") for file in manifest.files],
        metrics=clean_object(manifest.metrics),
    )
    if not await history.has_checkpoint(db, checkpoint):
        db.add(checkpoint)


async def _require_stored(db: AsyncSession, ref: AttemptRef, files: Sequence[StoredFile]) -> None:
    stored = await history.stored_files(db, ref.job_id, [file.path for file in files])
    missing = [file.path for file in files if (file.path, file.sha256) not in stored]
    if missing:
        raise InvalidError(
            _("Some files of this list were not stored."),
            fix=_("Upload them first."),
            details=[Detail(path, _("This file was not stored.")) for path in missing[:20]],
            code="file_missing",
        )


async def finish(db: AsyncSession, ref: AttemptRef, finish: Finish) -> Job:
    """End the attempt with its result; a job somebody cancelled meanwhile ends as cancelled.

    Raises:
        ConflictError: the attempt is stale.
        InvalidError: a file of the result was not stored.
    """
    await _require_stored(db, ref, finish.artifacts)
    result = clean_object(finish.result)
    job = await leases.end(db, ref, JobState.SUCCEEDED, result=result)
    return await _ended(db, ref, job, AttemptOutcome.SUCCEEDED)


async def fail(db: AsyncSession, ref: AttemptRef, failure: dict[str, JsonValue]) -> Job:
    """End the attempt with a reason.

    Raises:
        ConflictError: the attempt is stale.
    """
    reason = clean_object(failure)
    fingerprint = fingerprint_of(reason)
    job = await leases.end(db, ref, JobState.FAILED, failure=reason, fingerprint=fingerprint)
    return await _ended(db, ref, job, AttemptOutcome.FAILED)


async def cancelled(db: AsyncSession, ref: AttemptRef) -> Job:
    """End the attempt because its job was to be cancelled.

    Raises:
        ConflictError: the attempt is stale, or nobody asked to cancel the job.
    """
    held = await leases.lock_attempt(db, ref)
    if held is not None and not held.cancel_requested:
        raise ConflictError(_("Nobody asked to cancel this job."))
    job = await leases.end(db, ref, JobState.CANCELLED)
    return await _ended(db, ref, job, AttemptOutcome.CANCELLED)


async def _close(db: AsyncSession, job: Job, ref: AttemptRef, outcome: AttemptOutcome) -> None:
    """End an attempt, and charge its time to who the job is of."""
    span = await history.close_attempt(db, ref, outcome)
    if span is not None:
        on_gpu = job.queue == GPU_QUEUE
        gpus, cores = (job.processes, 0) if on_gpu else (0, job.processes)
        await sharing.charge(db, job.owner_id, *span, gpus=gpus, cores=cores)


async def _ended(
    db: AsyncSession, ref: AttemptRef, job: Job | None, outcome: AttemptOutcome
) -> Job:
    if job is None:
        return await _ended_before(db, ref, outcome)
    if job.state is JobState.CANCELLED:
        outcome = AttemptOutcome.CANCELLED
    await _close(db, job, ref, outcome)
    await news.record_state(db, job)
    log.info("job_ended", job_id=job.id, attempt=job.attempt, state=job.state.value)
    return job


async def _ended_before(db: AsyncSession, ref: AttemptRef, outcome: AttemptOutcome) -> Job:
    """Answer a worker that repeats itself because the first answer was lost."""
    job = await job_queries.job_by_id(db, ref.job_id)
    if job is None or job.attempt != ref.attempt:
        raise stale()
    attempt = await history.attempt(db, ref)
    if attempt.outcome is outcome:
        return job
    if attempt.outcome is AttemptOutcome.CANCELLED and job.cancel_requested:
        return job
    raise stale()


async def release(db: AsyncSession, ref: AttemptRef, release: Release) -> Job:
    """Give the job back to its queue; the attempt is not charged.

    Raises:
        ConflictError: the attempt is stale.
    """
    job = await leases.requeue(db, ref)
    if job is None:
        return await _ended_before(db, ref, AttemptOutcome.RELEASED)
    await _close(db, job, ref, AttemptOutcome.RELEASED)
    await news.record(db, job, news.ATTEMPT_RELEASED, {"reason": release.reason})
    await news.record_state(db, job)
    log.info("job_released", job_id=job.id, attempt=job.attempt, reason=release.reason)
    return job


async def take_back_lost(db: AsyncSession) -> Sequence[Job]:
    """Queue the jobs whose lease ran out again; those lost too often fail as WORKER_LOST."""
    failure = Failure.of(FailureCode.WORKER_LOST).model_dump(mode="json")
    jobs = await leases.expire(db, failure, fingerprint_of(failure))
    for job in sorted(jobs, key=lambda job: job.owner_id):
        ref = AttemptRef(job.id, job.attempt)
        await _close(db, job, ref, AttemptOutcome.LOST)
        await news.record(db, job, news.ATTEMPT_LOST, {"attempt": job.attempt})
        await news.record_state(db, job)
        log.warning("attempt_lost", job_id=job.id, attempt=job.attempt, state=job.state.value)
    return jobs


async def put_all_back(db: AsyncSession, reason: str) -> int:
    """Queue every job that a worker held, uncharged, and shut out every worker of before.

    For a site that was brought back: its workers may have gone on to attempts it knows nothing of.
    """
    await leases.leave_attempts_behind(db)
    held = await leases.held_jobs(db)
    for job in held:
        ref = AttemptRef(job.id, job.attempt)
        await history.close_attempt(
            db, AttemptRef(job.id, job.attempt - leases.LEFT_BEHIND), AttemptOutcome.RELEASED
        )
        queued = await leases.requeue(db, ref)
        if queued is not None:
            await news.record(db, queued, news.ATTEMPT_RELEASED, {"reason": reason})
            await news.record_state(db, queued)
    return len(held)
