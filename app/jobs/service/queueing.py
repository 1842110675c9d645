"""Putting a job of any kind into the queue: once, and not too many of one person."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from app.accounts import service as accounts
from app.core.db import AsyncSession
from app.core.errors import ConflictError, InvalidError, RateLimitedError
from app.core.i18n import _
from app.core.runtime import Flag
from app.jobs.queries import jobs as job_queries
from app.jobs.queries.leases import num_processes
from app.jobs.queries.turns import GPU_QUEUE
from app.jobs.schemas import Priority
from app.jobs.service import news
from app.jobs.tables import IdempotencyKey, Job, JobInput, Worker
from app.ledger import service as ledger
from app.quotas import service as quotas
from app.quotas.schemas import Kind
from app.quotas.service import sharing
from worker.contract.resources import Resources

log = structlog.get_logger(__name__)


quotas.measure(Kind.QUEUED_JOBS, job_queries.num_queued)
quotas.measure(Kind.RUNNING_JOBS, job_queries.num_active)
quotas.measure(Kind.GPU_SECONDS, job_queries.running_gpu_seconds)


async def _won(db: AsyncSession, person_id: int) -> int:
    """Return the GPU-seconds that a person was given by others, less those they gave."""
    return (await ledger.gpu_seconds_balance(db, [person_id])).get(person_id, 0)


quotas.adjust(Kind.GPU_SECONDS, _won)


@dataclass(frozen=True)
class NewJob:
    """A job to be queued. `kind` is one of `worker.contract.work`, `plan` is such work."""

    kind: str
    title: str
    task: str
    recipe: dict[str, Any]
    plan: dict[str, Any]
    plan_hash: str
    queue: str
    rerun_of: int | None = None
    processes: int = 1
    parent_id: int | None = None
    shared: bool = False
    priority: Priority = Priority.NORMAL


class Pinned(Protocol):
    """A repository at one commit, which the job reads."""

    @property
    def role(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def commit(self) -> str: ...
    @property
    def repository_id(self) -> int | None: ...


class Demanding(Protocol):
    """What says which machine it wants: a recipe, a plan, a request."""

    @property
    def resources(self) -> Resources: ...


async def choose_queue(db: AsyncSession, wanted: Demanding) -> str:
    """Return the queue whose workers fit: GPUs when asked for, or when as many are there."""
    if wanted.resources.device != "auto":
        return "gpu" if wanted.resources.device == "cuda" else "cpu"
    workers = await job_queries.live_workers(db)
    least = wanted.resources.least_processes
    return "gpu" if any(can_take(worker, "gpu", least) for worker in workers) else "cpu"


def can_take(worker: Worker, queue: str, processes: int) -> bool:
    """Return whether a worker may be given a job of a queue that so many processes share."""
    return queue in worker.queues and processes <= num_processes(worker, queue)


async def enqueue(db: AsyncSession, user_id: int, new: NewJob, inputs: Iterable[Pinned]) -> Job:
    """Queue a job with what it reads.

    Of a person's jobs one may go before everybody's; what else wants to is as usual.

    Raises:
        ForbiddenError: nobody, or not this person, may submit jobs now.
        RateLimitedError: too many of the person's jobs wait.
        ConflictError: their GPU time is used up.
        TooLargeError: they have no room for what a job leaves.
    """
    await accounts.require_switch(db, Flag.JOBS, user_id)
    await require_turn(db, user_id, new.queue)
    priority = new.priority
    if priority is Priority.INTERACTIVE and await job_queries.num_interactive(db, user_id):
        priority = Priority.NORMAL
    job = Job(
        owner_id=user_id,
        title=new.title,
        task=new.task,
        recipe=new.recipe,
        plan=new.plan,
        plan_hash=new.plan_hash,
        queue=new.queue,
        rerun_of=new.rerun_of,
        parent_id=new.parent_id,
        shared=new.shared,
        kind=new.kind,
        processes=new.processes,
        priority=priority.number,
    )
    db.add(job)
    await db.flush()
    db.add_all(
        JobInput(
            job_id=job.id,
            role=item.role,
            kind=str(item.kind),
            name=item.name,
            commit=item.commit,
            repository_id=item.repository_id,
        )
        for item in inputs
    )
    await news.record_state(db, job)
    await db.flush()
    log.info("job_submitted", job_id=job.id, kind=new.kind, queue=new.queue)
    return job


async def require_turn(db: AsyncSession, user_id: int, queue: str) -> None:
    """Check that a person may have one more job wait, on machines they have time on.

    Raises:
        RateLimitedError: too many of the person's jobs wait.
        ConflictError: their GPU time is used up.
        TooLargeError: they have no room for what a job leaves.
    """
    # One submission of a person at a time, so that the limit holds.
    await job_queries.lock(db, f"jobs.queue:{user_id}")
    most = await quotas.limit_for(db, user_id, Kind.QUEUED_JOBS)
    if most and await job_queries.num_queued(db, user_id) >= most:
        raise RateLimitedError(
            _("You already have %(n)d jobs waiting.") % {"n": most},
            fix=_("Wait until one begins, or cancel one."),
            code="too_many_queued",
            headers={"Retry-After": "60"},
        )
    if queue == GPU_QUEUE:
        await sharing.require_gpu_time(db, user_id)
    await quotas.require_room(db, user_id, {Kind.BYTES: 1})


async def submitted_before(
    db: AsyncSession, user_id: int, key: str, body_hash: bytes
) -> Job | None:
    """Return the job that the same request made before, if it did.

    Raises:
        ConflictError: it is being made right now.
        InvalidError: the key came with another request.
    """
    # Held until this request's transaction ends, so a twin is told instead of doing it twice.
    if not await job_queries.try_lock(db, f"jobs.submit:{user_id}:{key}"):
        raise ConflictError(
            _("A request with this Idempotency-Key is being worked on."),
            fix=_("Ask again in a moment with the same key."),
            code="idempotency_in_progress",
        )
    known = await job_queries.idempotency_key(db, user_id, key)
    if known is None:
        return None
    if not hmac.compare_digest(known.body_hash, body_hash):
        raise InvalidError(
            _("This Idempotency-Key was used for another recipe."),
            fix=_("Send a new key with a new recipe."),
            code="idempotency_mismatch",
        )
    return await job_queries.job_by_id(db, known.job_id)


async def remember_key(db: AsyncSession, job: Job, key: str, body_hash: bytes) -> None:
    """Note which request made a job, for a day."""
    db.add(IdempotencyKey(user_id=job.owner_id, key=key, body_hash=body_hash, job_id=job.id))
    await db.flush()
