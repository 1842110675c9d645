"""The JSON shapes in which Hugging Face clients read jobs and the machines they run on."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.accounts.schemas import AccountRef
from app.core.clock import now
from app.core.errors import BadRequestError
from app.hfapi.views import moment
from app.jobs.schemas import JobState
from app.jobs.service import Job, JobInput, LogLine, Point, Worker

# Their words for ours; clients wait for COMPLETED, CANCELED, ERROR and DELETED.
_STAGES = {
    JobState.QUEUED: "SCHEDULING",
    JobState.LEASED: "SCHEDULING",
    JobState.RUNNING: "RUNNING",
    JobState.FINALIZING: "RUNNING",
    JobState.SUCCEEDED: "COMPLETED",
    JobState.FAILED: "ERROR",
    JobState.CANCELLED: "CANCELED",
}
_KNOWN = {*_STAGES.values(), "DELETED"}
_MOUNTS = {"base": "/base", "data": "/data", "test": "/test"}
_GIGA = 1 << 30


def states_of(stages: Sequence[str]) -> list[JobState] | None:
    """Return our states for a list of their stages; None when no job can be in one of them.

    Raises:
        BadRequestError: there is no such stage.
    """
    wanted = {stage.upper() for stage in stages}
    if unknown := wanted - _KNOWN:
        names = ", ".join(sorted(_KNOWN))
        raise BadRequestError(f'"stage" must be one of {names}; {min(unknown)[:40]!r} is not.')
    states = [state for state, stage in _STAGES.items() if stage in wanted]
    return states if states or not wanted else None


def job_info(
    job: Job, owner: AccountRef, inputs: Sequence[JobInput], failure: Mapping[str, object] | None
) -> dict[str, Any]:
    """Return a job as `JobInfo`; the recipe stands beside it, under `spec`."""
    return {
        "id": str(job.id),
        "createdAt": moment(job.created_at),
        "startedAt": moment(job.started_at) if job.started_at else None,
        "finishedAt": moment(job.finished_at) if job.finished_at else None,
        "dockerImage": None,
        "spaceId": None,
        "command": None,
        "arguments": [],
        "environment": {},
        "secrets": {},
        "flavor": job.queue,
        "labels": {"name": job.title, **job.labels},
        "volumes": [_volume(item) for item in inputs],
        "status": {"stage": _STAGES[job.state], "message": _message(job, failure)},
        "durations": _durations(job),
        "owner": {"id": str(owner.id), "name": owner.name, "type": "user"},
        "initiator": _initiator(job, owner),
        "type": "job",
        "state": job.state.value,
        "progress": job.progress,
        "spec": job.recipe,
    }


def _message(job: Job, failure: Mapping[str, object] | None) -> str | None:
    if failure is not None:
        return f"{failure.get('sentence', '')} {failure.get('fix', '')}".strip() or None
    return "Cancel requested." if job.cancel_requested and not job.state.is_final else None


def _initiator(job: Job, owner: AccountRef) -> dict[str, Any]:
    if job.rerun_of is not None:
        return {"type": "duplicated-job", "id": str(job.rerun_of)}
    return {"type": "user", "id": str(owner.id), "name": owner.name}


def _volume(item: JobInput) -> dict[str, Any]:
    return {
        "type": item.kind,
        "source": item.name,
        "mountPath": _MOUNTS.get(item.role, f"/{item.role}"),
        "revision": item.commit,
        "readOnly": True,
    }


def _durations(job: Job) -> dict[str, int | None]:
    end = job.finished_at or now()
    begun = job.started_at
    return {
        "schedulingSecs": int((begun - job.created_at).total_seconds()) if begun else None,
        "runningSecs": int((end - begun).total_seconds()) if begun else None,
        "totalSecs": int((end - job.created_at).total_seconds()),
    }


def log_event(line: LogLine) -> dict[str, str]:
    """Return a log line as one event of the log stream."""
    return {"timestamp": moment(line.created_at), "data": line.line}


def metrics_event(point: Point, worker: Worker | None) -> dict[str, Any]:
    """Return the newest step as one event of the metrics stream.

    Clients need all of these keys. What the worker does not measure is 0; the numbers of the
    training itself stand under `training`.
    """
    told = worker.capabilities if worker else {}
    gpus = list(told.get("gpus", []))
    used = int(point.numbers.get("memory_bytes") or 0)
    return {
        "cpu_usage_pct": 0,
        "cpu_millicores": int(told.get("cpu_count", 1)) * 1000,
        "memory_used_bytes": 0 if gpus else used,
        "memory_total_bytes": max(1, int(told.get("memory_bytes", 0))),
        "rx_bps": 0,
        "tx_bps": 0,
        "gpus": {
            f"gpu{number}": {
                "utilization": 0,
                "memory_used_bytes": used if number == 0 else 0,
                "memory_total_bytes": max(1, int(gpu.get("memory_bytes", 0))),
            }
            for number, gpu in enumerate(gpus)
        },
        "replica": worker.name if worker else "",
        "training": {"step": point.step, "epoch": point.epoch, **point.numbers},
    }


def hardware(workers: Sequence[Worker]) -> list[dict[str, Any]]:
    """Return one flavour a queue: the strongest live worker that serves it."""
    strongest: dict[str, Worker] = {}
    for worker in sorted(workers, key=_strength):
        strongest.update(dict.fromkeys(worker.queues, worker))
    return [_flavor(queue, worker) for queue, worker in sorted(strongest.items())]


def _strength(worker: Worker) -> tuple[int, int]:
    told = worker.capabilities
    return len(told.get("gpus", [])), int(told.get("memory_bytes", 0))


def _flavor(queue: str, worker: Worker) -> dict[str, Any]:
    told = worker.capabilities
    gpus = list(told.get("gpus", [])) if queue != "cpu" else []
    accelerator = None
    if gpus:
        name = str(gpus[0].get("name", "GPU"))
        accelerator = {
            "type": "gpu",
            "model": name,
            "quantity": str(len(gpus)),
            "vram": f"{sum(int(g.get('memory_bytes', 0)) for g in gpus) // _GIGA} GB",
            "manufacturer": name.split(" ", maxsplit=1)[0],
        }
    return {
        "name": queue,
        "prettyName": f"{len(gpus)}x {accelerator['model']}" if accelerator else queue.upper(),
        "cpu": f"{told.get('cpu_count', 1)} vCPU",
        "ram": f"{int(told.get('memory_bytes', 0)) // _GIGA} GB",
        "accelerator": accelerator,
        "unitCostMicroUSD": 0,
        "unitCostUSD": 0.0,
        "unitLabel": "minute",
    }
