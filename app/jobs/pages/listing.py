"""The list of a person's own jobs."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Request, Response

from app.core.http import Db, JobReader
from app.core.i18n import _
from app.core.redirects import to_sign_in
from app.core.templating import render
from app.jobs.kinds import kind_of, page_of
from app.jobs.pages.measures import measured
from app.jobs.schemas import HeadlineOut
from app.jobs.service import control
from app.jobs.service.records import headline_of
from app.jobs.service.telling import Chip, state_chip
from app.jobs.states import ACTIVE_STATES, JobState
from app.jobs.tables import Job, JobInput

router = APIRouter()
_PAGE = 30


class JobRow(NamedTuple):
    """One job of the list; `headline` is the measure it is judged by, once there is one."""

    job: Job
    page: str
    chip: Chip
    base: str
    data: str
    headline: HeadlineOut | None
    is_live: bool


@router.get("/jobs")
async def job_list(
    request: Request,
    db: Db,
    viewer: JobReader,
    state: Annotated[str, Query(max_length=20)] = "",
    cursor: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Show the viewer's jobs, newest first."""
    if not viewer.is_signed_in:
        return to_sign_in(request)
    page = await control.list_jobs(db, viewer.require_user(), _states(state), cursor or None, _PAGE)
    inputs = await control.inputs_of(db, page.items)
    rows = [_row(job, inputs[job.id]) for job in page.items]
    return render(
        request,
        "jobs/list.html",
        viewer=viewer,
        rows=rows,
        next_cursor=page.next_cursor,
        state=state,
        filters=_filters(),
        measured=measured,
        any_live=any(row.is_live for row in rows),
    )


def _filters() -> list[tuple[str, str]]:
    return [
        ("", _("All")),
        ("live", _("Waiting or running")),
        ("succeeded", _("Succeeded")),
        ("failed", _("Failed")),
        ("cancelled", _("Cancelled")),
    ]


def _states(wanted: str) -> Sequence[JobState]:
    if wanted == "live":
        return (JobState.QUEUED, *ACTIVE_STATES)
    return [state for state in JobState if state.is_final and state.value == wanted]


def _row(job: Job, inputs: Sequence[JobInput]) -> JobRow:
    names = {item.role: item.name for item in inputs}
    kind = kind_of(job)
    return JobRow(
        job=job,
        chip=state_chip(job),
        page=page_of(job),
        base=names.get("base") or kind.base(job),
        data=names.get("data") or kind.data(job),
        headline=headline_of(job),
        is_live=not job.state.is_final,
    )
