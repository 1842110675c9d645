"""News from jobs."""

from dataclasses import dataclass

from app.jobs.states import JobState


@dataclass(frozen=True)
class JobQueued:
    """A job waits in `queue` for a worker, for the first time or again."""

    job_id: int
    queue: str


@dataclass(frozen=True)
class JobBegun:
    """Somebody began a job from something that a feature above calls `origin`."""

    job_id: int
    origin: str
    shared: bool


@dataclass(frozen=True)
class JobChanged:
    """Something new can be read about a job: an event, a log line, a state."""

    job_id: int


@dataclass(frozen=True)
class EpochMeasured:
    """A run reported what it measured after an epoch."""

    job_id: int


@dataclass(frozen=True)
class JobEnded:
    """A job reached a final state."""

    job_id: int
    owner_id: int
    state: JobState


@dataclass(frozen=True)
class JobPublished:
    """The result of a job became a model repository."""

    job_id: int
    repository_id: int


def job_channel(job_id: int) -> str:
    """Return the name under which those who watch a job are woken."""
    return f"job:{job_id}"
