"""What somebody tells others when they ask about a run: nothing of it may be a secret."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.db import AsyncSession
from app.core.masking import mask
from app.jobs.queries import history
from app.jobs.service.telling import FailureView, failure_view
from app.jobs.tables import Job, JobEvent, Point
from worker.contract.recipe import Recipe
from worker.contract.recipe_text import recipe_to_yaml

LOG_LINES = 60
CURVE_POINTS = 120
MAX_LINE = 500


@dataclass(frozen=True)
class RunStory:
    """A run as one tells it to others. `curve` holds (step, loss); `epochs` the newest last."""

    job_id: int
    title: str
    task: str
    recipe: str
    fingerprint: str
    failure: FailureView | None
    log: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    curve: tuple[tuple[float, float], ...] = ()
    epochs: tuple[dict[str, Any], ...] = ()


async def story_of(db: AsyncSession, job: Job) -> RunStory:
    """Return what a run left, shortened to what helps, with secrets hidden."""
    lines = await history.log_lines(db, job.id, 0, LOG_LINES, LOG_LINES)
    started = await history.events_of_kind(db, [job.id], "RunStarted")
    epochs = await history.events_of_kind(db, [job.id], "EpochFinished")
    points = await history.sampled_points(db, job.id, CURVE_POINTS)
    log = [line.line for line in lines]
    return RunStory(
        job_id=job.id,
        title=job.title,
        task=job.task,
        recipe=mask(recipe_to_yaml(Recipe.model_validate(job.recipe))),
        fingerprint=job.fingerprint,
        failure=_masked(failure_view(job)),
        log=_told(log or _tail_of(job)),
        environment=_environment(started),
        curve=_curve(points),
        epochs=tuple(event.payload for event in epochs[-10:]),
    )


def _tail_of(job: Job) -> list[str]:
    tail = (job.failure or {}).get("log_tail", [])
    return [str(line) for line in tail]


def _told(lines: Sequence[str]) -> tuple[str, ...]:
    # Hidden as one text: a key may go over several lines.
    return tuple(line[:MAX_LINE] for line in mask("\n".join(lines[-LOG_LINES:])).splitlines())


def _masked(failure: FailureView | None) -> FailureView | None:
    if failure is None:
        return None
    return FailureView(
        failure.code, failure.sentence, failure.fix, mask(failure.detail), failure.log_tail
    )


def _environment(started: Sequence[JobEvent]) -> dict[str, str]:
    if not started:
        return {}
    payload = started[-1].payload
    versions = payload.get("versions") or {}
    found = {str(name): str(version) for name, version in versions.items()}
    return {"device": str(payload.get("device", "")), **found}


def _curve(points: Sequence[Point]) -> tuple[tuple[float, float], ...]:
    losses = [(point.step, point.numbers.get("loss")) for point in points]
    return tuple((float(step), float(loss)) for step, loss in losses if loss is not None)
