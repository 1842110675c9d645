"""Taking over the events a run reports: each exactly once, in order, whatever was sent twice."""

from collections.abc import Sequence

from pydantic import JsonValue, ValidationError

from app.core.db import AsyncSession
from app.core.errors import Detail, InvalidError
from app.core.events import emit
from app.core.i18n import _
from app.jobs.events import EpochMeasured, JobChanged
from app.jobs.queries import history, leases
from app.jobs.service.attempts import stale
from app.jobs.service.cleaning import clean_object, clean_text
from app.jobs.states import JobState
from app.jobs.tables import JobEvent, LogLine
from app.jobs.tokens import AttemptRef
from worker.contract.base import Wire
from worker.contract.run_events import LogWritten, StepsReported

_MAX_KIND = 64
# What the job's state becomes when the run reports such an event.
_STEPS = {
    "RunStarted": JobState.RUNNING,
    "RunFinished": JobState.FINALIZING,
    "RankingFinished": JobState.FINALIZING,
}

Payload = dict[str, JsonValue]


class _Envelope(Wire):
    """What every event has; kinds of newer workers are kept as they are."""

    seq: int
    kind: str


async def store_events(
    db: AsyncSession, ref: AttemptRef, events: Sequence[Payload]
) -> tuple[int, bool]:
    """Store the events not seen before.

    Returns:
        The number up to which all are stored, and whether somebody wants the job cancelled.

    Raises:
        ConflictError: the attempt is stale.
        InvalidError: one of them is not an event.
    """
    held = await leases.lock_attempt(db, ref)
    if held is None:
        raise stale()
    attempt = await history.attempt(db, ref)
    fresh = _fresh(events, attempt.event_seq)
    if fresh:
        attempt.event_seq = fresh[-1][0]
        await _append(db, ref, [payload for _seq, payload in fresh])
        emit(db, JobChanged(ref.job_id))
    if any(payload["kind"] == "EpochFinished" for _seq, payload in fresh):
        emit(db, EpochMeasured(ref.job_id))
    for _seq, payload in fresh:
        state = _STEPS.get(str(payload["kind"]))
        if state is not None:
            await leases.advance(db, ref, state)
    return attempt.event_seq, held.cancel_requested


def _fresh(events: Sequence[Payload], stored: int) -> list[tuple[int, Payload]]:
    numbered = {_envelope(event).seq: clean_object(event) for event in events}
    return [(seq, numbered[seq]) for seq in sorted(numbered) if seq > stored]


def _envelope(event: Payload) -> _Envelope:
    try:
        envelope = _Envelope.model_validate(event)
    except ValidationError as error:
        raise _not_an_event(error) from error
    if not 1 <= envelope.seq < 2**62 or len(envelope.kind) > _MAX_KIND:
        raise _not_an_event()
    return envelope


def _not_an_event(error: ValidationError | None = None) -> InvalidError:
    problems = error.errors(include_url=False) if error else []
    details = [Detail(".".join(map(str, p["loc"])), p["msg"]) for p in problems[:20]]
    return InvalidError(_("This is not an event of a run."), details=details)


async def _append(db: AsyncSession, ref: AttemptRef, payloads: Sequence[Payload]) -> None:
    lines = [line for payload in payloads for line in _lines(payload)]
    last = await leases.take_numbers(db, ref.job_id, len(payloads), len(lines))
    first_event = last.event_seq - len(payloads) + 1
    first_line = last.log_seq - len(lines) + 1
    db.add_all(
        JobEvent(
            job_id=ref.job_id,
            seq=seq,
            attempt=ref.attempt,
            kind=str(payload["kind"]),
            payload={key: value for key, value in payload.items() if key != "seq"},
        )
        for seq, payload in enumerate(payloads, start=first_event)
    )
    db.add_all(
        LogLine(job_id=ref.job_id, number=number, attempt=ref.attempt, line=line)
        for number, line in enumerate(lines, start=first_line)
    )
    points = {point["step"]: point for p in payloads for point in _points(p)}
    await db.flush()
    await history.save_points(db, ref, list(points.values()))


def _lines(payload: Payload) -> list[str]:
    if payload["kind"] != "LogWritten":
        return []
    try:
        return [clean_text(line) for line in LogWritten.model_validate({"seq": 1, **payload}).lines]
    except ValidationError as error:
        raise _not_an_event(error) from error


def _points(payload: Payload) -> list[dict[str, object]]:
    if payload["kind"] != "StepsReported":
        return []
    try:
        report = StepsReported.model_validate(payload)
    except ValidationError as error:
        raise _not_an_event(error) from error
    return [
        {
            "stage": report.stage,
            "epoch": point.epoch,
            "step": point.step,
            "numbers": point.model_dump(mode="json", exclude={"step", "epoch"}),
        }
        for point in report.points
    ]
