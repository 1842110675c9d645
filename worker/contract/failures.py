"""Why a run did not succeed: a code for programs, a sentence and a way out for people."""

from enum import StrEnum
from typing import NamedTuple

from pydantic import Field, JsonValue

from worker.contract.base import Wire


class FailureCode(StrEnum):
    """Every reason a run can end without a result."""

    RECIPE_INVALID = "RECIPE_INVALID"
    DATA_INVALID = "DATA_INVALID"
    DATA_NOT_FOUND = "DATA_NOT_FOUND"
    BASE_NOT_FOUND = "BASE_NOT_FOUND"
    BASE_INVALID = "BASE_INVALID"
    CHECKPOINT_INVALID = "CHECKPOINT_INVALID"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    DIVERGED = "DIVERGED"
    DISK_FULL = "DISK_FULL"
    DEVICE_MISSING = "DEVICE_MISSING"
    LEASE_LOST = "LEASE_LOST"
    CANCELLED = "CANCELLED"
    TIME_LIMIT = "TIME_LIMIT"
    WORKER_LOST = "WORKER_LOST"
    HUB_UNREACHABLE = "HUB_UNREACHABLE"
    INTERNAL = "INTERNAL"


class Explanation(NamedTuple):
    """What a failure means and what the user can do, both in English; sites translate them."""

    sentence: str
    fix: str


EXPLANATIONS: dict[FailureCode, Explanation] = {
    FailureCode.RECIPE_INVALID: Explanation(
        "The recipe asks for something this network does not have.",
        "Correct the part of the recipe that the details name, then submit it again.",
    ),
    FailureCode.DATA_INVALID: Explanation(
        "The data set has errors, so nothing was trained.",
        "Mend or remove the files that the details name, then submit the job again.",
    ),
    FailureCode.DATA_NOT_FOUND: Explanation(
        "The data set or its revision was not found.",
        "Check the name, the revision and that you may read it.",
    ),
    FailureCode.BASE_NOT_FOUND: Explanation(
        "The base model or its weights were not found.",
        "Check the name and the revision, or give the weights as a file.",
    ),
    FailureCode.BASE_INVALID: Explanation(
        "The weights of the base model do not fit its architecture.",
        "Choose another revision, or ask the owner of the model to upload matching weights.",
    ),
    FailureCode.CHECKPOINT_INVALID: Explanation(
        "The checkpoint to resume from is damaged or belongs to another plan.",
        "Resume from an older checkpoint or start the job again.",
    ),
    FailureCode.OUT_OF_MEMORY: Explanation(
        "The machine ran out of memory.",
        "Use a smaller batch_size or image_size, or train fewer layers.",
    ),
    FailureCode.DIVERGED: Explanation(
        "The loss became infinite or not a number, so training was stopped.",
        "Use a learning rate ten times smaller, or set max_grad_norm to 1.",
    ),
    FailureCode.DISK_FULL: Explanation(
        "The worker's disk is full.",
        "Ask the operator to free space, then resume the job.",
    ),
    FailureCode.DEVICE_MISSING: Explanation(
        "The recipe asks for hardware that this worker does not have.",
        "Set resources.device to auto and mixed_precision to auto.",
    ),
    FailureCode.LEASE_LOST: Explanation(
        "The worker lost contact with the site, so another one continues.",
        "Nothing to do: the job goes on from its newest checkpoint.",
    ),
    FailureCode.CANCELLED: Explanation(
        "The job was cancelled.",
        "Resume it from its newest checkpoint, or run it again.",
    ),
    FailureCode.TIME_LIMIT: Explanation(
        "The job reached its time limit.",
        "Raise resources.max_minutes and resume it, or train for fewer epochs.",
    ),
    FailureCode.WORKER_LOST: Explanation(
        "The worker stopped without a word, perhaps for lack of memory.",
        "Resume the job; if it happens again, use a smaller batch_size.",
    ),
    FailureCode.HUB_UNREACHABLE: Explanation(
        "The worker could not reach the site to fetch or store files.",
        "Resume the job when the site can be reached again.",
    ),
    FailureCode.INTERNAL: Explanation(
        "Something went wrong inside the engine; this is a defect of the software.",
        "Run the job again; if it fails again, report it with the last log lines.",
    ),
}


class Failure(Wire):
    """How a run failed. `detail` names the exact thing (a file, a key); it may be empty."""

    schema_version: int = 1
    code: FailureCode
    sentence: str
    fix: str
    detail: str = ""
    params: dict[str, JsonValue] = Field(default_factory=dict)
    log_tail: tuple[str, ...] = ()

    @classmethod
    def of(cls, code: FailureCode, detail: str = "", log_tail: tuple[str, ...] = ()) -> "Failure":
        """Return the failure with the standard sentence and advice of its code."""
        explanation = EXPLANATIONS[code]
        return cls(
            code=code,
            sentence=explanation.sentence,
            fix=explanation.fix,
            detail=detail,
            log_tail=log_tail,
        )


class RunError(Exception):
    """Ends a run with a failure that the user understands."""

    def __init__(self, code: FailureCode, detail: str = "") -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code}: {detail}" if detail else str(code))

    def failure(self, log_tail: tuple[str, ...] = ()) -> Failure:
        """Return what is reported."""
        return Failure.of(self.code, self.detail, log_tail)
