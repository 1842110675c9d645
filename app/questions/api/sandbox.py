"""The live sandbox of a question as JSON."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request

from app.core.errors import NotFoundError
from app.core.http import Anybody, Db, JobReader, JobWriter, database, storage_of
from app.core.i18n import _
from app.jobs.service.examination import Doctor
from app.questions.schemas import SandboxIn, SandboxOut, SandboxRunIn, SandboxRunOut
from app.questions.service import sandboxes
from app.questions.service.sandbox_views import SandboxRunDetail, SandboxRunView, SandboxView

router = APIRouter(prefix="/questions/{question_id}/sandbox")
_CLOSED: dict[int | str, dict[str, Any]] = {
    409: {"description": "Used up, over, stopped, or one of the caller's own is still going."},
    422: {"description": "The patch does not fit, or the doctor finds errors."},
}


@router.get("")
async def get_sandbox(db: Db, viewer: Anybody, question_id: int) -> SandboxOut:
    """Return what the asker offers to run, and what was run."""
    found = await sandboxes.find(db, viewer, question_id)
    if found is None:
        raise NotFoundError(_("This question offers no runs."), code="sandbox_not_found")
    return _out(found)


@router.put("")
async def offer_sandbox(
    request: Request, db: Db, viewer: JobWriter, question_id: int, given: SandboxIn
) -> SandboxOut:
    """Offer a recipe that answerers may run on the asker's account; for who asked."""
    doctor = Doctor(database(request), storage_of(request), viewer)
    return _out(await sandboxes.offer(db, doctor, viewer, question_id, given))


@router.delete("")
async def stop_sandbox(db: Db, viewer: JobWriter, question_id: int) -> SandboxOut:
    """Let nobody run anything any more, and cancel what waits or runs."""
    return _out(await sandboxes.stop(db, viewer, question_id))


@router.post("/runs", status_code=HTTPStatus.CREATED, responses=_CLOSED)
async def run_in_sandbox(
    request: Request, db: Db, viewer: JobWriter, question_id: int, given: SandboxRunIn
) -> SandboxRunOut:
    """Run the recipe on the asker's account, perhaps with a patch of it."""
    owner = sandboxes.runs_as(await sandboxes.owner_of(db, viewer, question_id))
    doctor = Doctor(database(request), storage_of(request), owner)
    return _run(await sandboxes.run(db, doctor, viewer, question_id, given))


@router.get("/runs/{num}")
async def get_sandbox_run(db: Db, viewer: JobReader, question_id: int, num: int) -> SandboxRunOut:
    """Return the numbers and the masked log of a run, to who began it and to the asker."""
    found = await sandboxes.read_run(db, viewer, question_id, num)
    return _run(found.run, found)


def _out(found: SandboxView) -> SandboxOut:
    return SandboxOut(
        recipe=found.recipe,
        max_runs=found.max_runs,
        max_minutes=found.max_minutes,
        num_runs=found.num_runs,
        until=found.until,
        is_open=found.is_open,
        runs=[_run(one) for one in found.runs],
    )


def _run(found: SandboxRunView, detail: SandboxRunDetail | None = None) -> SandboxRunOut:
    return SandboxRunOut(
        num=found.num,
        runner=found.runner,
        patch=found.patch,
        state=found.state.value,
        metric=found.metric,
        value=found.value,
        created_at=found.created_at,
        job_id=found.job_id,
        measures=detail.measures if detail else None,
        log=detail.log if detail else None,
        problem=f"{detail.sentence} {detail.fix}".strip() if detail else "",
    )
