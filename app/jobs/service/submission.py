"""Submitting a job: examined first, queued only when nothing stands against it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from app.core.db import AsyncSession
from app.core.errors import InvalidError
from app.core.events import announce
from app.core.security import Viewer
from app.datasets.schemas import FindingOut
from app.hub import policy as hub_policy
from app.jobs import policy
from app.jobs.events import JobBegun
from app.jobs.schemas import Priority
from app.jobs.service.examination import Doctor, Examined, read_recipe
from app.jobs.service.queueing import (
    NewJob,
    choose_queue,
    enqueue,
    remember_key,
    submitted_before,
)
from app.jobs.tables import Job, JobInput
from worker.contract.base import canonical_json
from worker.contract.plan import Plan
from worker.contract.work import FINE_TUNE_KIND, read_work


@dataclass(frozen=True)
class Begun:
    """What a job was begun from: an earlier job, or what a feature above names by `origin`.

    `shared`: everybody may see what it comes to and what was changed, not whose it is.
    """

    parent_id: int | None = None
    origin: str = ""
    shared: bool = False
    priority: Priority = Priority.NORMAL


async def submit(  # with what, whose, which recipe, sent before?, from where
    db: AsyncSession,
    doctor: Doctor,
    viewer: Viewer,
    given: dict[str, JsonValue] | str,
    idempotency_key: str | None = None,
    begun: Begun | None = None,
) -> tuple[Job, bool]:
    """Queue a job for a recipe; return it, and whether it had been submitted before.

    Raises:
        InvalidError: the recipe, the base or the data are not fit; nothing was queued. Or the
            key was used for another recipe.
        NotFoundError: the base, the data or the job it is begun from are missing, or invisible to
            the viewer.
        ConflictError: the same key is being submitted right now.
        RateLimitedError: too many of the viewer's jobs wait.
        ConflictError: their GPU time is used up.
        TooLargeError: they have no room for what a job leaves.
    """
    user_id = viewer.require_user()
    recipe = read_recipe(given)
    begun = begun or Begun()
    if begun.parent_id is not None:
        await policy.access_run(db, viewer, begun.parent_id)
    body_hash = hashlib.sha256(canonical_json(recipe.to_json()).encode()).digest()
    if idempotency_key is not None:
        known = await submitted_before(db, user_id, idempotency_key, body_hash)
        if known is not None:
            return known, True
    examined = await doctor.examine(recipe)
    plan = require_plan(examined)
    new = NewJob(
        kind=FINE_TUNE_KIND,
        title=plan.recipe.name,
        task=plan.recipe.task,
        recipe=plan.recipe.model_dump(mode="json"),
        plan=plan.model_dump(mode="json"),
        plan_hash=plan.plan_hash,
        queue=await choose_queue(db, recipe),
        processes=recipe.resources.least_processes,
        parent_id=begun.parent_id,
        shared=begun.shared,
        priority=begun.priority,
    )
    job = await enqueue(db, user_id, new, examined.inputs)
    if begun.origin:
        await announce(db, JobBegun(job.id, begun.origin, begun.shared))
    if idempotency_key is not None:
        await remember_key(db, job, idempotency_key, body_hash)
    return job, False


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


async def rerun(db: AsyncSession, viewer: Viewer, job: Job, inputs: Sequence[JobInput]) -> Job:
    """Queue the same plan once more as a new job of the viewer, on the same commits.

    Raises:
        NotFoundError: something it reads is gone, or invisible to the viewer.
        RateLimitedError: too many of the viewer's jobs wait.
    """
    for item in inputs:
        await hub_policy.access_by_id(db, viewer, item.repository_id or 0)
    work = read_work(job.plan)
    new = NewJob(
        kind=job.kind,
        title=job.title,
        task=job.task,
        recipe=job.recipe,
        plan=job.plan,
        plan_hash=job.plan_hash,
        queue=await choose_queue(db, work),
        processes=work.resources.least_processes,
        rerun_of=job.id,
        parent_id=job.id,
    )
    return await enqueue(db, viewer.require_user(), new, inputs)
