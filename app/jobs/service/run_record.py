"""Everything a run left, read at once for its page."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.db import AsyncSession
from app.jobs.queries import history
from app.jobs.queries import jobs as job_queries
from app.jobs.service.queueing import can_take
from app.jobs.tables import (
    Artifact,
    Attempt,
    Checkpoint,
    Job,
    JobEvent,
    JobInput,
    LogLine,
    Point,
    Worker,
)

MAX_EVENTS = 5000
MAX_POINTS = 1500
LOG_TAIL = 200
# Points and log lines are read from tables of their own; as events they would be read twice.
SHOWN_KINDS = (
    "RunStarted",
    "DataLoaded",
    "PlanResolved",
    "StageStarted",
    "EpochFinished",
    "CheckpointSaved",
    "StageFinished",
    "RunFinished",
    "RunFailed",
    "JobQueued",
    "JobResumed",
    "JobEnded",
    "JobPublished",
    "CancelRequested",
    "AttemptStarted",
    "AttemptLost",
    "AttemptReleased",
)


@dataclass(frozen=True)
class RunRecord:
    """What a run left so far. `has_worker`: somebody is there who could take or has the job."""

    job: Job
    inputs: Sequence[JobInput]
    attempts: Sequence[Attempt]
    events: Sequence[JobEvent]
    points: Sequence[Point]
    log: Sequence[LogLine]
    checkpoints: Sequence[Checkpoint]
    artifacts: Sequence[Artifact]
    workers: Sequence[Worker]

    @property
    def has_worker(self) -> bool:
        """Whether a worker that can run the job spoke lately."""
        job = self.job
        return any(can_take(worker, job.queue, job.processes) for worker in self.workers)

    @property
    def is_too_large(self) -> bool:
        """Whether workers of the job's queue are there, and none of them is large enough."""
        in_queue = any(self.job.queue in worker.queues for worker in self.workers)
        return in_queue and not self.has_worker


async def run_record(db: AsyncSession, job: Job, max_points: int = MAX_POINTS) -> RunRecord:
    """Return what the job has left so far; long things are cut to what a page shows."""
    return RunRecord(
        job=job,
        inputs=await job_queries.inputs_of(db, [job.id]),
        attempts=await history.attempts_of(db, job.id),
        events=await history.events_after(db, job.id, 0, MAX_EVENTS, SHOWN_KINDS),
        points=await history.sampled_points(db, job.id, max_points),
        log=await history.log_lines(db, job.id, 0, LOG_TAIL, LOG_TAIL),
        checkpoints=(await history.checkpoints_of(db, job.id))[::-1],
        artifacts=await history.artifacts_of(db, job.id),
        workers=await job_queries.live_workers(db),
    )
