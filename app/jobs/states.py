"""The states of a job, and which steps between them exist.

queued → leased → running → finalizing → succeeded | failed | cancelled; a lost or released attempt
goes back to queued. The steps themselves are single statements in `queries/leases.py`.
"""

from enum import StrEnum


class JobState(StrEnum):
    """Where a job is. `leased` is claimed but not begun; `finalizing` stores what the run left."""

    QUEUED = "queued"
    LEASED = "leased"
    RUNNING = "running"
    FINALIZING = "finalizing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens unless somebody resumes the job."""
        return self in FINAL_STATES

    @property
    def is_active(self) -> bool:
        """Whether a worker holds the job."""
        return self in ACTIVE_STATES


FINAL_STATES = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)
ACTIVE_STATES = (JobState.LEASED, JobState.RUNNING, JobState.FINALIZING)
RESUMABLE_STATES = (JobState.FAILED, JobState.CANCELLED)


class Priority(StrEnum):
    """How soon a job wants to be served: somebody waits for it, as usual, or it has time."""

    INTERACTIVE = "interactive"
    NORMAL = "normal"
    BATCH = "batch"

    @property
    def number(self) -> int:
        """The class, the better the lower."""
        return list(Priority).index(self)


class AttemptOutcome(StrEnum):
    """How an attempt ended. Only `lost` is charged; too many in a row fail the job."""

    LOST = "lost"
    RELEASED = "released"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
