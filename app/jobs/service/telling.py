"""How a job stands, as people are told: its state as a chip, its failure in their language."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.core.i18n import _
from app.jobs.states import JobState
from app.jobs.tables import Job
from worker.contract.failures import EXPLANATIONS, Failure, FailureCode


class Chip(NamedTuple):
    """A state as people see it: a colour of the design, an icon and a word."""

    tone: str
    icon: str
    label: str
    live: bool = False


def state_chip(job: Job) -> Chip:
    """Return how the state of a job is shown."""
    if job.cancel_requested and not job.state.is_final:
        return Chip("warn", "stop", _("Cancelling"), live=True)
    chips = {
        JobState.QUEUED: Chip("note", "clock", _("Waiting"), live=True),
        JobState.LEASED: Chip("run", "worker", _("Starting"), live=True),
        JobState.RUNNING: Chip("run", "run", _("Running"), live=True),
        JobState.FINALIZING: Chip("run", "upload", _("Storing"), live=True),
        JobState.SUCCEEDED: Chip("done", "check", _("Succeeded")),
        JobState.FAILED: Chip("fail", "cross", _("Failed")),
        JobState.CANCELLED: Chip("warn", "stop", _("Cancelled")),
    }
    return chips[job.state]


@dataclass(frozen=True)
class FailureView:
    """Why a job failed, in the reader's language."""

    code: str
    sentence: str
    fix: str
    detail: str
    log_tail: Sequence[str]


def failure_view(job: Job) -> FailureView | None:
    """Return the failure of a job that failed."""
    if job.failure is None or job.state is not JobState.FAILED:
        return None
    failure = Failure.model_validate(job.failure)
    known = EXPLANATIONS[FailureCode(failure.code)]
    return FailureView(
        code=failure.code,
        sentence=_(known.sentence),
        fix=_(known.fix),
        detail=failure.detail,
        log_tail=failure.log_tail[-20:],
    )
