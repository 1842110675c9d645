"""What people do with a job that exists: list, cancel, resume."""

import contextlib
from collections.abc import Collection, Mapping, Sequence

import structlog

from app.core.db import AsyncSession
from app.core.errors import ConflictError, InvalidError
from app.core.i18n import _
from app.core.pagination import Page, decode_cursor, encode_cursor
from app.jobs.queries import jobs as job_queries
from app.jobs.queries import leases, turns
from app.jobs.service import news
from app.jobs.service.queueing import require_turn
from app.jobs.states import RESUMABLE_STATES, JobState
from app.jobs.tables import Job, JobInput

log = structlog.get_logger(__name__)

MAX_LABELS = 32
_TOGETHER = 100
MAX_LABEL = 100


async def list_jobs(  # what a list is narrowed to
    db: AsyncSession,
    owner_id: int,
    states: Collection[JobState],
    cursor: str | None,
    limit: int,
    labels: Mapping[str, str] | None = None,
) -> Page[Job]:
    """Return one page of an owner's jobs, newest first; with all of `labels`, if any are named.

    Raises:
        BadRequestError: the cursor is not one of ours.
    """
    before = _before(cursor) if cursor else None
    rows = await job_queries.jobs_of(db, owner_id, states, before, limit + 1, labels)
    items = rows[:limit]
    more = len(rows) > limit
    return Page(items, encode_cursor([items[-1].id]) if more else None)


def _before(cursor: str) -> int:
    (job_id,) = decode_cursor(cursor, 1)
    return job_id if isinstance(job_id, int) and abs(job_id) < 2**63 else 0


async def inputs_of(db: AsyncSession, jobs: Sequence[Job]) -> dict[int, list[JobInput]]:
    """Return what each job reads, by job id."""
    found: dict[int, list[JobInput]] = {job.id: [] for job in jobs}
    for item in await job_queries.inputs_of(db, list(found)):
        found[item.job_id].append(item)
    return found


async def cancel_job(db: AsyncSession, job: Job) -> Job:
    """End a waiting job at once; a held one ends when its worker hears of it. Twice is once.

    Raises:
        ConflictError: the job has already ended otherwise.
    """
    was_requested = job.cancel_requested
    changed = await leases.request_cancel(db, job.id)
    if changed is None:
        ended = await job_queries.job_by_id(db, job.id)
        if ended is not None and ended.state is JobState.CANCELLED:
            return ended
        raise ConflictError(_("This job has already ended."))
    if changed.state is JobState.CANCELLED:
        await news.record_state(db, changed)
    elif not was_requested:
        await news.record(db, changed, news.CANCEL_REQUESTED)
    log.info("job_cancel_requested", job_id=job.id, state=changed.state.value)
    return changed


async def cancel_jobs_of(db: AsyncSession, owner_id: int) -> int:
    """Ask every job of somebody that waits or runs to stop; return how many."""
    live = [state for state in JobState if not state.is_final]
    num_asked, before = 0, None
    while rows := await job_queries.jobs_of(db, owner_id, live, before, _TOGETHER):
        for job in rows:
            with contextlib.suppress(ConflictError):  # it ended meanwhile
                await cancel_job(db, job)
                num_asked += 1
        before = rows[-1].id
    return num_asked


async def job_of(db: AsyncSession, job_id: int) -> Job | None:
    """Return a job as it is in the database now; the caller answers for who may see it."""
    return await job_queries.job_by_id(db, job_id)


async def jobs_by_id(db: AsyncSession, ids: Collection[int]) -> dict[int, Job]:
    """Return those of the jobs that exist; the caller answers for who may see them."""
    return {job.id: job for job in await job_queries.jobs_by_id(db, ids)} if ids else {}


async def resume_job(db: AsyncSession, job: Job) -> Job:
    """Queue a failed or cancelled job again; it goes on from its newest checkpoint.

    Raises:
        ConflictError: the job is neither failed nor cancelled, or its owner's GPU time is used up.
        RateLimitedError: too many of its owner's jobs wait.
    """
    if job.state in RESUMABLE_STATES:
        await require_turn(db, job.owner_id, job.queue)
    changed = await leases.reopen(db, job.id)
    if changed is None:
        raise ConflictError(
            _("Only a failed or cancelled job can be resumed."),
            fix=_("To do the same work once more, run it again as a new job."),
        )
    await news.record_state(db, changed, news.JOB_RESUMED)
    log.info("job_resumed", job_id=job.id)
    return changed


async def set_labels(db: AsyncSession, job: Job, labels: Mapping[str, str]) -> Job:
    """Give a job these labels instead of those it had.

    Raises:
        InvalidError: too many of them, or one is too long.
    """
    if len(labels) > MAX_LABELS or any(not _is_label(*pair) for pair in labels.items()):
        raise InvalidError(
            _("A job has at most %(n)d labels, each of at most 100 characters.")
            % {"n": MAX_LABELS},
            code="bad_labels",
        )
    job.labels = dict(labels)
    await db.flush()
    return job


def _is_label(key: str, value: str) -> bool:
    return 0 < len(key) <= MAX_LABEL and len(value) <= MAX_LABEL and "\0" not in key + value


async def worker_of(db: AsyncSession, job: Job) -> str | None:
    """Return the name of the worker that holds the job."""
    if job.worker_id is None or not job.state.is_active:
        return None
    return await job_queries.worker_name(db, job.worker_id)


async def num_ahead(db: AsyncSession, job: Job) -> int | None:
    """Return how many jobs are before this one in its queue; None unless it waits."""
    turn = await turn_of(db, job)
    return turn.place - 1 if turn else None


async def turn_of(db: AsyncSession, job: Job) -> turns.Turn | None:
    """Return where a job stands in its queue and what holds it back; None unless it waits."""
    return await turns.turn_of(db, job) if job.state is JobState.QUEUED else None


def told_failure(job: Job) -> dict[str, object] | None:
    """Return why the job failed, its sentence and advice in the reader's language."""
    if job.failure is None:
        return None
    sentence, fix = job.failure.get("sentence"), job.failure.get("fix")
    return {
        **job.failure,
        "sentence": _(sentence) if isinstance(sentence, str) else "",
        "fix": _(fix) if isinstance(fix, str) else "",
    }
