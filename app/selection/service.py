"""Submitting rankings, and reading what they came to."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import JsonValue

from app.core.db import AsyncSession, Database
from app.core.errors import Detail, InvalidError
from app.core.i18n import _
from app.core.security import Viewer
from app.datasets.schemas import FindingOut
from app.hub import policy as hub_policy
from app.hub import service as hub
from app.jobs.service import Job, records
from app.jobs.service.examination import WEIGHTS, Doctor, Input, invalid
from app.jobs.service.queueing import NewJob, choose_queue, enqueue, remember_key, submitted_before
from worker.contract.base import canonical_json
from worker.contract.rank import (
    RANK_KIND,
    CandidateBase,
    CandidateResult,
    RankPlan,
    RankRequest,
    RankResult,
    base_role,
    examine_ranking,
    request_from_text,
    request_from_values,
)
from worker.contract.recipe_text import RecipeError

_MAX_EVENTS = 500


def read_request(given: dict[str, JsonValue] | str) -> RankRequest:
    """Return the request a text or plain values describe.

    Raises:
        InvalidError: with every problem, where it is and how to mend it.
    """
    try:
        return request_from_text(given) if isinstance(given, str) else request_from_values(given)
    except RecipeError as error:
        raise invalid(error, _("This comparison cannot be started."), "request_invalid") from error


class Selector:
    """Examines and queues rankings for one viewer, who must be allowed to read all they name."""

    def __init__(self, database: Database, doctor: Doctor, viewer: Viewer) -> None:
        self._database = database
        self._doctor = doctor
        self._viewer = viewer

    async def submit(
        self,
        db: AsyncSession,
        given: dict[str, JsonValue] | str,
        idempotency_key: str | None = None,
    ) -> tuple[Job, bool]:
        """Queue a ranking; return its job, and whether it had been submitted before.

        Raises:
            InvalidError: the request, a candidate or the data are not fit; nothing was queued.
            NotFoundError: a candidate or the data are missing, or invisible to the viewer.
            RateLimitedError: too many of the viewer's jobs wait.
        """
        user_id = self._viewer.require_user()
        request = read_request(given)
        value: JsonValue = request.model_dump(mode="json")
        body_hash = hashlib.sha256(canonical_json(value).encode()).digest()
        if idempotency_key is not None:
            known = await submitted_before(db, user_id, idempotency_key, body_hash)
            if known is not None:
                return known, True
        plan, inputs = await self._plan(request)
        new = NewJob(
            kind=RANK_KIND,
            title=request.name,
            task=request.task,
            recipe=request.model_dump(mode="json"),
            plan=plan.model_dump(mode="json"),
            plan_hash=plan.plan_hash,
            queue=await choose_queue(db, request),
        )
        job = await enqueue(db, user_id, new, inputs)
        if idempotency_key is not None:
            await remember_key(db, job, idempotency_key, body_hash)
        return job, False

    async def _plan(self, request: RankRequest) -> tuple[RankPlan, list[Input]]:
        data, data_input = await self._doctor.data(request.recipe_for(request.candidates[0]))
        inputs, bases = [data_input], []
        for number, wanted in enumerate(request.candidates, start=1):
            try:
                pinned, source = await self._doctor.base(request.recipe_for(wanted))
            except InvalidError as error:
                raise _of_candidate(error, number) from error
            bases.append(
                CandidateBase(pinned)
                if source is None
                else CandidateBase(pinned, *await self._facts(source))
            )
            if source is not None:
                inputs.append(replace(source, role=base_role(number)))
        examined = examine_ranking(request, bases, data)
        if examined.plan is None:
            raise _unfit([FindingOut.of(finding) for finding in examined.errors])
        return examined.plan, inputs

    async def _facts(self, source: Input) -> tuple[str, int]:
        """Return licence and size of the weights in bytes."""
        async with self._database.transaction() as db:
            repository = await hub_policy.access_by_id(db, self._viewer, source.repository_id)
            files = await hub.list_files(db, repository, source.commit)
        size = next((file.size for file in files if file.path == WEIGHTS), 0)
        return repository.license, size


def _of_candidate(error: InvalidError, number: int) -> InvalidError:
    details = [Detail(f"candidates.{number - 1}", d.message, d.fix) for d in error.details]
    return InvalidError(error.message, fix=error.fix, details=details, code=error.code)


def _unfit(errors: Sequence[FindingOut]) -> InvalidError:
    return InvalidError(
        errors[0].message,
        fix=errors[0].fix,
        details=[detail for error in errors for detail in error.details()],
        code="data_invalid",
    )


@dataclass(frozen=True)
class Record:
    """What a ranking has come to: its result, or the candidates measured so far."""

    job: Job
    request: RankRequest
    result: RankResult | None
    candidates: Sequence[CandidateResult]


async def record_of(db: AsyncSession, job: Job) -> Record:
    """Return what a ranking has come to; candidates of a lost attempt are replaced by new ones."""
    request = RankRequest.model_validate(job.recipe)
    if job.result is not None:
        result = RankResult.model_validate(job.result)
        return Record(job, request, result, result.candidates)
    found: dict[int, CandidateResult] = {}
    for event in await records.events_after(db, job, 0, _MAX_EVENTS):
        if event.kind == "CandidateMeasured":
            candidate = CandidateResult.model_validate(event.payload["candidate"])
            found[candidate.index] = candidate
    ordered = sorted(found.values(), key=_by_probe)
    return Record(job, request, None, ordered)


def _by_probe(item: CandidateResult) -> float:
    return -item.probe.value if item.probe else 1.0
