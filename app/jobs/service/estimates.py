"""What a plan will need on the machines of this site, judged by earlier runs if there are any."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.core.db import AsyncSession
from app.core.i18n import _
from app.jobs.queries import estimates as queries
from app.jobs.queries import jobs as job_queries
from app.jobs.service.records import result_of
from app.jobs.tables import Job, Worker
from worker.contract.doctor_machine import Machine, check_machines
from worker.contract.estimate import (
    Amounts,
    Estimate,
    Pace,
    estimate,
    stage_kind,
    work_of,
)
from worker.contract.findings import Finding
from worker.contract.plan import Plan

_JUDGED_BY = 20


@dataclass(frozen=True)
class Outlook:
    """What a plan will need, and what speaks against it on the workers that are connected."""

    needed: Estimate | None = None
    findings: tuple[Finding, ...] = ()


async def outlook(
    db: AsyncSession, plan: Plan, amounts: Amounts, weights_bytes: int, queue: str
) -> Outlook:
    """Return what a plan will need on a queue.

    Args:
        db: the database.
        plan: the plan.
        amounts: how much data there is.
        weights_bytes: size of the base's weights file.
        queue: where the job would wait.
    """
    workers = await _workers(db, queue)
    jobs = await queries.finished(db, plan.base.architecture, queue, _JUDGED_BY)
    pace = _pace(jobs, amounts, weights_bytes, _cpu_count(workers))
    needed = estimate(plan, amounts, weights_bytes, pace, on_gpu=queue == "gpu")
    if needed is None:
        return Outlook()
    machines = [_machine(worker) for worker in workers]
    return Outlook(needed, tuple(check_machines(plan, needed, machines)))


async def _workers(db: AsyncSession, queue: str) -> list[Worker]:
    return [worker for worker in await job_queries.live_workers(db) if queue in worker.queues]


def _machine(worker: Worker) -> Machine:
    gpus = worker.capabilities.get("gpus", [])
    memory = [int(gpu.get("memory_bytes", 0)) for gpu in gpus]
    return Machine(int(worker.capabilities.get("memory_bytes", 0)), max(memory, default=0))


def _cpu_count(workers: Sequence[Worker]) -> int:
    return max((int(one.capabilities.get("cpu_count", 1)) for one in workers), default=1)


def _pace(jobs: Iterable[Job], amounts: Amounts, weights_bytes: int, cpu_count: int) -> Pace:
    """Return how fast earlier runs went; the newest one of a kind decides."""
    samples: dict[str, float] = {}
    flops: list[float] = []
    for job in jobs:
        result = result_of(job)
        if result is None:
            continue
        plan = Plan.model_validate(job.plan)
        for done in result.stages:
            stage = plan.stages[done.index - 1].stage
            if done.samples_per_s <= 0:
                continue
            samples.setdefault(stage_kind(plan, stage), done.samples_per_s)
            work = None if done.cached else work_of(plan, stage, amounts, weights_bytes)
            if work:
                flops.append(work * done.samples_per_s)
    return Pace(samples, (min(flops), max(flops)) if flops else None, cpu_count)


async def where_it_runs(db: AsyncSession, queue: str) -> str:
    """Return the machine a job of this queue would run on, in words."""
    fitting = await _workers(db, queue)
    if not fitting:
        return _("no worker is connected now")
    worker = fitting[0]
    gpus = [str(gpu.get("name", "GPU")) for gpu in worker.capabilities.get("gpus", [])]
    cores = worker.capabilities.get("cpu_count", 1)
    has_gpu = queue == "gpu" and gpus
    machine = gpus[0] if has_gpu else _("%(n)d processor cores") % {"n": cores}
    return f"{worker.name} · {machine}"
