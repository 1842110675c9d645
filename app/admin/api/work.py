"""Workers, queues and failed jobs."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict

from app.admin import policy
from app.admin.service import work as service
from app.admin.service.work import JobAct, WorkerAct
from app.core.clock import now
from app.core.http import AdminViewer, Db
from app.jobs.service import fleet

router = APIRouter()
_LARGEST = (1 << 63) - 1


class WorkerActIn(BaseModel):
    """What is to be done with a worker; `confirm` repeats its name to shut it out."""

    model_config = ConfigDict(extra="forbid")
    do: WorkerAct
    confirm: str = ""


class JobActIn(BaseModel):
    """What is to be done with a job."""

    model_config = ConfigDict(extra="forbid")
    do: JobAct


@router.get("/workers")
async def list_workers(db: Db, _viewer: AdminViewer) -> list[dict[str, Any]]:
    """List the workers of the last week, silent ones too."""
    return [
        {
            "name": one.name,
            "queues": one.queues,
            "capabilities": one.capabilities,
            "version": one.version,
            "age_s": one.age_s,
            "is_alive": one.is_alive,
            "drained_at": one.drained_at,
            "revoked_at": one.revoked_at,
            "jobs": [job.id for job in one.jobs],
        }
        for one in await fleet.workers(db)
    ]


@router.post("/workers/{name}/act")
async def change_worker(
    db: Db, viewer: AdminViewer, name: str, body: WorkerActIn
) -> dict[str, bool]:
    """Drain, resume, shut out or let in a worker."""
    typed = body.confirm if body.do is WorkerAct.REVOKE else name
    actor_id = policy.require_proof(viewer, typed, name)
    return {"changed": await service.change_worker(db, actor_id, name, body.do)}


@router.get("/queues")
async def list_queues(db: Db, _viewer: AdminViewer) -> list[dict[str, Any]]:
    """List the queues with jobs or workers; `workers` is empty where nobody serves one."""
    return [
        {
            "name": one.name,
            "num_waiting": one.num_waiting,
            "oldest_s": one.oldest_s,
            "num_owners": one.num_owners,
            "num_running": one.num_running,
            "workers": one.workers,
        }
        for one in await fleet.queues(db)
    ]


@router.get("/failures")
async def list_failures(
    db: Db, _viewer: AdminViewer, days: Annotated[int, Query(ge=1, le=90)] = 7
) -> list[dict[str, Any]]:
    """List what failed, the same failures together, the largest group first."""
    return [
        {
            "fingerprint": one.fingerprint,
            "number": one.number,
            "num_owners": one.num_owners,
            "first_at": one.first_at,
            "last_at": one.last_at,
            "newest_job_id": one.newest.id,
            "failure": one.newest.failure,
        }
        for one in await fleet.failure_groups(db, now() - timedelta(days=days))
    ]


@router.post("/jobs/{job_id}/act")
async def change_job(
    db: Db, viewer: AdminViewer, job_id: Annotated[int, Path(ge=1, le=_LARGEST)], body: JobActIn
) -> dict[str, str]:
    """Queue somebody's failed job again, or cancel it."""
    await service.change_job(db, policy.require_admin(viewer), job_id, body.do)
    return {"done": body.do.value}
