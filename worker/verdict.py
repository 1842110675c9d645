"""Decides what the end of an engine process means for its job."""

import json
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue, ValidationError

from worker.contract.attempt import EXIT_FAILED, EXIT_OK, EXIT_STOPPED, FAILURE_FILE, RESULT_FOLDER
from worker.contract.failures import Failure, FailureCode
from worker.job_files import read_text
from worker.lease import Order
from worker.processes import Ended
from worker.redaction import redact

_TAIL_LINES = 20
_TAIL_BYTES = 16 * 1024
_SHELL_SIGNAL = 128
_HINTS = (
    ("No space left on device", FailureCode.DISK_FULL),
    ("CUDA out of memory", FailureCode.OUT_OF_MEMORY),
    ("can't allocate memory", FailureCode.OUT_OF_MEMORY),
    ("MemoryError", FailureCode.OUT_OF_MEMORY),
    ("std::bad_alloc", FailureCode.OUT_OF_MEMORY),
)


@dataclass(frozen=True)
class Succeeded:
    """The engine left a result."""

    result: dict[str, JsonValue]


@dataclass(frozen=True)
class Failed:
    """The job ends with a reason."""

    failure: Failure


@dataclass(frozen=True)
class Cancelled:
    """The job ends because somebody wanted it to."""


@dataclass(frozen=True)
class Released:
    """The attempt was stopped in good order; another one goes on."""

    lease_at_risk: bool


@dataclass(frozen=True)
class Abandoned:
    """Nothing more is said: the lease ends by itself, and the site counts a lost worker."""

    reason: str


Verdict = Succeeded | Failed | Cancelled | Released | Abandoned


def log_tail(output: Path) -> tuple[str, ...]:
    """Return the last lines that the process printed, without credentials."""
    try:
        with output.open("rb") as stream:
            stream.seek(max(0, output.stat().st_size - _TAIL_BYTES))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ()
    lines = [redact(line.rstrip())[:500] for line in text.splitlines()]
    return tuple(line for line in lines if line)[-_TAIL_LINES:]


def stopped_early(order: Order) -> Verdict:
    """Return what to tell the site when an order came before the engine had begun."""
    if order is Order.STALE:
        return Abandoned("the attempt is not the current one any more")
    if order is Order.CANCEL:
        return Cancelled()
    return Released(lease_at_risk=order is Order.LEASE_AT_RISK)


def judge(ended: Ended, job_dir: Path, output: Path) -> Verdict:
    """Return what to tell the site about a process that ended."""
    if ended.order in {Order.STALE, Order.CANCEL}:
        return stopped_early(ended.order)
    tail = log_tail(output)
    if ended.status == EXIT_OK:
        return _success(job_dir, tail)
    if ended.limit is not None:
        return Failed(Failure.of(ended.limit, _limit_detail(ended), tail))
    if ended.status == EXIT_FAILED:
        return Failed(_own_words(job_dir, tail))
    if ended.status == EXIT_STOPPED or ended.order in {Order.STOP, Order.LEASE_AT_RISK}:
        return Released(lease_at_risk=ended.order is Order.LEASE_AT_RISK)
    return _crash(ended, tail)


def _limit_detail(ended: Ended) -> str:
    if ended.limit is FailureCode.OUT_OF_MEMORY:
        return f"{ended.peak_bytes / 1e9:.1f} GB were in use"
    return f"stopped after {ended.seconds / 60:.1f} minutes"


def _success(job_dir: Path, tail: Sequence[str]) -> Verdict:
    try:
        result = json.loads(read_text(job_dir, f"{RESULT_FOLDER}/result.json"))
    except (OSError, ValueError):
        result = None
    if not isinstance(result, dict):
        return Failed(Failure.of(FailureCode.INTERNAL, "The run left no result.", tuple(tail)))
    return Succeeded(result)


def _own_words(job_dir: Path, tail: tuple[str, ...]) -> Failure:
    try:
        failure = Failure.model_validate_json(read_text(job_dir, FAILURE_FILE))
    except (OSError, ValidationError):
        return Failure.of(FailureCode.INTERNAL, "The run failed without a reason.", tail)
    lines = tuple(redact(line) for line in failure.log_tail) or tail
    return failure.model_copy(update={"log_tail": lines, "detail": redact(failure.detail)})


def _crash(ended: Ended, tail: tuple[str, ...]) -> Verdict:
    number = -ended.status if ended.status < 0 else ended.status - _SHELL_SIGNAL
    if number == signal.SIGKILL:
        if ended.oom_killed:
            detail = f"at most {ended.peak_bytes / 1e9:.1f} GB were seen in use"
            return Failed(Failure.of(FailureCode.OUT_OF_MEMORY, detail, tail))
        return Abandoned("the process was killed from outside")
    text = "\n".join(tail)
    for hint, code in _HINTS:
        if hint in text:
            return Failed(Failure.of(code, tail[-1], tail))
    return Failed(Failure.of(FailureCode.INTERNAL, _status_in_words(ended.status, number), tail))


def _status_in_words(status: int, number: int) -> str:
    if number in {member.value for member in signal.Signals}:
        return f"The engine was ended by {signal.Signals(number).name}."
    return f"The engine ended with exit status {status}."
