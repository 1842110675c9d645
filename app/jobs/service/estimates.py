"""How long a plan will take, judged by earlier runs of the same kind; never guessed."""

from collections.abc import Iterable

from app.core.db import AsyncSession
from app.core.i18n import _
from app.core.security import Viewer
from app.jobs.queries import estimates as queries
from app.jobs.queries import jobs as job_queries
from app.jobs.tables import Job
from worker.contract.manifest import Result
from worker.contract.plan import Plan
from worker.contract.stages import Stage

_JUDGED_BY = 20

# What decides the pace of a stage on one kind of network: what trains, pixels, fresh images.
_Kind = tuple[str, int | None, bool]


async def estimated_seconds(
    db: AsyncSession, viewer: Viewer, plan: Plan, queue: str
) -> float | None:
    """Return the training time to expect; None while no earlier run tells of every stage."""
    if viewer.user_id is None:
        return None
    jobs = await queries.finished_like(
        db, viewer.user_id, plan.base.architecture, queue, _JUDGED_BY
    )
    paces = _paces(jobs)
    total = 0.0
    for item in plan.stages:
        pace = paces.get(_kind(plan, item.stage))
        if pace is None or item.stage.epochs is None:
            return None
        total += item.stage.epochs * plan.split_sizes.get("train", 0) / pace
    return total


def _paces(jobs: Iterable[Job]) -> dict[_Kind, float]:
    """Return images per second of each kind of stage; the newest job decides."""
    paces: dict[_Kind, float] = {}
    for job in jobs:
        plan, result = Plan.model_validate(job.plan), Result.model_validate(job.result)
        for done in result.stages:
            stage = plan.stages[done.index - 1].stage
            if done.samples_per_s > 0:
                paces.setdefault(_kind(plan, stage), done.samples_per_s)
    return paces


def _kind(plan: Plan, stage: Stage) -> _Kind:
    trained = stage.train if isinstance(stage.train, str) else ",".join(sorted(stage.train))
    return trained, plan.image_size, plan.has_random_augmentation


async def where_it_runs(db: AsyncSession, queue: str) -> str:
    """Return the machine a job of this queue would run on, in words."""
    fitting = [w for w in await job_queries.live_workers(db) if queue in w.queues]
    if not fitting:
        return _("no worker is connected now")
    worker = fitting[0]
    gpus = [str(gpu.get("name", "GPU")) for gpu in worker.capabilities.get("gpus", [])]
    cores = worker.capabilities.get("cpu_count", 1)
    has_gpu = queue == "gpu" and gpus
    machine = gpus[0] if has_gpu else _("%(n)d processor cores") % {"n": cores}
    return f"{worker.name} · {machine}"
