"""The workers and queues of the site, for those who run it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, NotFoundError
from app.core.i18n import _
from app.jobs.queries import fleet as queries
from app.jobs.states import JobState
from app.jobs.tables import Job, Worker

log = structlog.get_logger(__name__)

SILENT_S = 30.0
GONE_S = 120.0
# A worker that nobody heard of for so long is shown no more.
_SHOWN = timedelta(days=7)
_MOST = 10_000
PAGE = 50


@dataclass(frozen=True)
class WorkerView:
    """A worker, the seconds since it spoke, and what it works on."""

    name: str
    queues: Sequence[str]
    capabilities: dict[str, Any]
    version: str
    age_s: float
    last_seen_at: datetime
    drained_at: datetime | None
    revoked_at: datetime | None
    jobs: Sequence[Job] = ()

    @property
    def is_alive(self) -> bool:
        """Whether it spoke a moment ago."""
        return self.age_s <= SILENT_S

    @property
    def takes_work(self) -> bool:
        """Whether it is there for new jobs."""
        return self.is_alive and self.drained_at is None and self.revoked_at is None


@dataclass(frozen=True)
class QueueView:
    """A queue: how many jobs wait and run, since when the first waits, and who serves it."""

    name: str
    num_waiting: int
    oldest_s: float
    num_owners: int
    num_running: int
    workers: Sequence[str]


@dataclass(frozen=True)
class FailureGroup:
    """Jobs that failed in the same way; `newest` is one of them."""

    fingerprint: str
    number: int
    num_owners: int
    first_at: datetime
    last_at: datetime
    newest: Job


@dataclass(frozen=True)
class Ended:
    """How the jobs of a span of time went, and how long those that began had waited."""

    num_succeeded: int
    num_failed: int
    num_cancelled: int
    wait_half_s: float | None
    wait_most_s: float | None


async def workers(db: AsyncSession, *, seen_within: timedelta = _SHOWN) -> list[WorkerView]:
    """Return the site's workers, silent ones too, each with its jobs."""
    rows = await queries.workers(db, seen_within)
    held: dict[int, list[Job]] = {row[0].id: [] for row in rows}
    for job in await queries.held_jobs(db, list(held)) if held else ():
        if job.worker_id is not None:
            held[job.worker_id].append(job)
    return [_view(worker, float(age_s), held[worker.id]) for worker, age_s in rows]


def _view(worker: Worker, age_s: float, jobs: Sequence[Job] = ()) -> WorkerView:
    return WorkerView(
        name=worker.name,
        queues=worker.queues,
        capabilities=worker.capabilities,
        version=worker.version,
        age_s=age_s,
        last_seen_at=worker.last_seen_at,
        drained_at=worker.drained_at,
        revoked_at=worker.revoked_at,
        jobs=jobs,
    )


async def queues(db: AsyncSession) -> list[QueueView]:
    """Return every queue that has jobs or a worker; one without a worker names none."""
    waiting = {row[0]: row for row in await queries.queues(db)}
    running = await queries.running_in_queues(db)
    serving: dict[str, list[str]] = {}
    for worker in await workers(db):
        for queue in worker.queues if worker.takes_work else ():
            serving.setdefault(queue, []).append(worker.name)
    found = []
    for name in sorted({*waiting, *running, *serving}):
        row = waiting.get(name)
        found.append(
            QueueView(
                name=name,
                num_waiting=row[1] if row else 0,
                oldest_s=float(row[2]) if row else 0.0,
                num_owners=row[3] if row else 0,
                num_running=running.get(name, 0),
                workers=serving.get(name, []),
            )
        )
    return found


async def set_drained(db: AsyncSession, name: str, *, drained: bool) -> bool:
    """Give a worker nothing new, or new jobs again; what runs ends in order. Whether it was so.

    Raises:
        NotFoundError: there is no such worker.
        ConflictError: it was shut out.
    """
    worker = await _worker(db, name)
    if worker.revoked_at is not None:
        raise ConflictError(_("This worker was shut out; let it in again first."))
    before = worker.drained_at is not None
    worker.drained_at = now() if drained else None
    await db.flush()
    log.info("worker_drained" if drained else "worker_resumed", worker=name)
    return before


async def set_revoked(db: AsyncSession, name: str, *, revoked: bool) -> bool:
    """Shut a worker out: it is given nothing, and what it holds goes back to its queue.

    Raises:
        NotFoundError: there is no such worker.
    """
    worker = await _worker(db, name)
    before = worker.revoked_at is not None
    worker.revoked_at = now() if revoked else None
    worker.drained_at = None
    await db.flush()
    if revoked:
        await queries.end_leases(db, worker.id)
    log.info("worker_revoked" if revoked else "worker_let_in", worker=name)
    return before


async def _worker(db: AsyncSession, name: str) -> Worker:
    found = await queries.worker_named(db, name)
    if found is None:
        raise NotFoundError(_("There is no such worker."))
    return found


async def ended_since(db: AsyncSession, moment: datetime) -> Ended:
    """Return how jobs went since a moment; counted up to ten thousand."""
    waits = await queries.waits(db, moment)
    numbers = await queries.num_ended(db, moment, _MOST)
    return Ended(
        numbers.get(JobState.SUCCEEDED, 0),
        numbers.get(JobState.FAILED, 0),
        numbers.get(JobState.CANCELLED, 0),
        waits[0] if waits else None,
        waits[1] if waits else None,
    )


async def failure_groups(db: AsyncSession, since: datetime) -> list[FailureGroup]:
    """Return the failures since a moment in groups, the largest first."""
    rows = await queries.failures(db, since)
    newest = {job.id: job for job in await queries.jobs_of_ids(db, [row[3] for row in rows])}
    return [
        FailureGroup(row[0], row[1], row[2], row[4], row[5], newest[row[3]])
        for row in rows
        if row[3] in newest
    ]


async def failed_with(
    db: AsyncSession, fingerprint: str, before: int | None = None
) -> Sequence[Job]:
    """Return a page of the jobs that failed in one way, the newest first."""
    return await queries.failed_with(db, fingerprint, before, PAGE + 1)
