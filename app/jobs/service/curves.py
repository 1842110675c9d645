"""The curves of a job as plain values: for the API, and kept beside a published model."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from app.core.db import AsyncSession
from app.jobs.queries import history
from app.jobs.schemas import MAX_POINTS, MetricsOut, PointOut
from app.jobs.tables import Job, JobEvent, Point

_MANY = 100_000


async def curves(db: AsyncSession, job: Job) -> MetricsOut:
    """Return points, epochs and stages; where attempts overlap, the latest one counts."""
    points = await history.sampled_points(db, job.id, MAX_POINTS)
    kinds = ("EpochFinished", "StageStarted", "StageFinished")
    events = await history.events_after(db, job.id, 0, _MANY, kinds)
    return MetricsOut(
        points=[_point(point) for point in points],
        epochs=_newest(events, "EpochFinished", "epoch"),
        stages=_stages(events),
        num_points=await history.num_points(db, job.id),
    )


async def epochs_of(db: AsyncSession, job_ids: Collection[int]) -> dict[int, list[dict[str, Any]]]:
    """Return what was measured after each epoch of some jobs, in order; the last attempt counts."""
    found: dict[int, list[JobEvent]] = defaultdict(list)
    for event in await history.events_of_kind(db, job_ids, "EpochFinished"):
        found[event.job_id].append(event)
    return {job_id: _newest(events, "EpochFinished", "epoch") for job_id, events in found.items()}


def _point(point: Point) -> PointOut:
    numbers = point.numbers
    return PointOut(
        step=point.step,
        epoch=point.epoch,
        stage=point.stage,
        attempt=point.attempt,
        loss=numbers.get("loss"),
        lr=numbers.get("lr") or {},
        samples_per_s=numbers.get("samples_per_s"),
        memory_bytes=numbers.get("memory_bytes"),
    )


def _newest(events: Sequence[JobEvent], kind: str, key: str) -> list[dict[str, Any]]:
    """Return the payloads of a kind, the last one for each value of `key`, in its order."""
    found: dict[int, dict[str, Any]] = {}
    for event in events:
        number = event.payload.get(key)
        if event.kind == kind and isinstance(number, int):
            found[number] = {**event.payload, "attempt": event.attempt}
    return [found[number] for number in sorted(found)]


def _stages(events: Sequence[JobEvent]) -> list[dict[str, Any]]:
    started = {stage["index"]: stage for stage in _newest(events, "StageStarted", "index")}
    finished = {stage["index"]: stage for stage in _newest(events, "StageFinished", "index")}
    return [started.get(n, {}) | finished.get(n, {}) for n in sorted(started | finished)]
