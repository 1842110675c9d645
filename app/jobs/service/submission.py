"""Submitting a job: examined first, queued only when nothing stands against it."""

import hashlib
import hmac
from collections.abc import Sequence

import structlog
from pydantic import JsonValue

from app.core.db import AsyncSession
from app.core.errors import ConflictError, InvalidError, RateLimitedError
from app.core.i18n import _
from app.core.security import Viewer
from app.datasets.schemas import FindingOut
from app.hub import policy as hub_policy
from app.jobs.queries import jobs as job_queries
from app.jobs.service import news
from app.jobs.service.examination import Doctor, Examined, read_recipe
from app.jobs.tables import IdempotencyKey, Job, JobInput
from worker.contract.base import canonical_json
from worker.contract.plan import Plan
from worker.contract.recipe import Recipe

log = structlog.get_logger(__name__)

MAX_QUEUED = 20


async def submit(
    db: AsyncSession,
    doctor: Doctor,
    viewer: Viewer,
    given: dict[str, JsonValue] | str,
    idempotency_key: str | None = None,
) -> tuple[Job, bool]:
    """Queue a job for a recipe; return it, and whether it had been submitted before.

    Raises:
        InvalidError: the recipe, the base or the data are not fit; nothing was queued. Or the
            key was used for another recipe.
        NotFoundError: the base or the data are missing, or invisible to the viewer.
        ConflictError: the same key is being submitted right now.
        RateLimitedError: too many of the viewer's jobs wait.
    """
    user_id = viewer.require_user()
    recipe = read_recipe(given)
    body_hash = hashlib.sha256(canonical_json(recipe.to_json()).encode()).digest()
    if idempotency_key is not None:
        known = await _submitted_before(db, user_id, idempotency_key, body_hash)
        if known is not None:
            return known, True
    examined = await doctor.examine(recipe)
    plan = require_plan(examined)
    job = await _queue(db, user_id, plan, await choose_queue(db, recipe))
    db.add_all(
        JobInput(
            job_id=job.id,
            role=item.role,
            kind=item.kind.value,
            name=item.name,
            commit=item.commit,
            repository_id=item.repository_id,
        )
        for item in examined.inputs
    )
    if idempotency_key is not None:
        db.add(
            IdempotencyKey(user_id=user_id, key=idempotency_key, body_hash=body_hash, job_id=job.id)
        )
    await db.flush()
    return job, False


async def _submitted_before(
    db: AsyncSession, user_id: int, key: str, body_hash: bytes
) -> Job | None:
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


def require_plan(examined: Examined) -> Plan:
    """Return the plan.

    Raises:
        InvalidError: the doctor found errors; `details` names the files and how to fix them.
    """
    if examined.examination.plan is not None:
        return examined.examination.plan
    errors = [FindingOut.of(finding) for finding in examined.examination.errors]
    raise InvalidError(
        errors[0].message,
        fix=errors[0].fix,
        details=[detail for error in errors for detail in error.details()],
        code="data_invalid",
    )


async def choose_queue(db: AsyncSession, recipe: Recipe) -> str:
    """Return the queue whose workers fit: a GPU when asked for, or when one is there."""
    if recipe.resources.device != "auto":
        return "gpu" if recipe.resources.device == "cuda" else "cpu"
    workers = await job_queries.live_workers(db)
    return "gpu" if any("gpu" in worker.queues for worker in workers) else "cpu"


async def _queue(
    db: AsyncSession, user_id: int, plan: Plan, queue: str, rerun_of: int | None = None
) -> Job:
    # One submission of a person at a time, so that the limit holds.
    await job_queries.lock(db, f"jobs.queue:{user_id}")
    if await job_queries.num_queued(db, user_id) >= MAX_QUEUED:
        raise RateLimitedError(
            _("You already have %(n)d jobs waiting.") % {"n": MAX_QUEUED},
            fix=_("Wait until one begins, or cancel one."),
            code="too_many_queued",
            headers={"Retry-After": "60"},
        )
    job = Job(
        owner_id=user_id,
        title=plan.recipe.name,
        task=plan.recipe.task,
        recipe=plan.recipe.model_dump(mode="json"),
        plan=plan.model_dump(mode="json"),
        plan_hash=plan.plan_hash,
        queue=queue,
        rerun_of=rerun_of,
    )
    db.add(job)
    await db.flush()
    await news.record_state(db, job)
    log.info("job_submitted", job_id=job.id, queue=queue)
    return job


async def rerun(db: AsyncSession, viewer: Viewer, job: Job, inputs: Sequence[JobInput]) -> Job:
    """Queue the same plan once more as a new job of the viewer, on the same commits.

    Raises:
        NotFoundError: something it reads is gone, or invisible to the viewer.
        RateLimitedError: too many of the viewer's jobs wait.
    """
    for item in inputs:
        await hub_policy.access_by_id(db, viewer, item.repository_id or 0)
    plan = Plan.model_validate(job.plan)
    queue = await choose_queue(db, plan.recipe)
    again = await _queue(db, viewer.require_user(), plan, queue, rerun_of=job.id)
    db.add_all(
        JobInput(
            job_id=again.id,
            role=item.role,
            kind=item.kind,
            name=item.name,
            commit=item.commit,
            repository_id=item.repository_id,
        )
        for item in inputs
    )
    await db.flush()
    return again
