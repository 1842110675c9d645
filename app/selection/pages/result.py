"""The page of a comparison: the ranking as a picture and as a table."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from app.core.http import Db, JobReader
from app.core.redirects import to_sign_in
from app.core.templating import render
from app.jobs.service import control, records
from app.jobs.service.telling import failure_view, state_chip
from app.selection.pages.view import ranking_view
from app.selection.policy import access_ranking
from app.selection.service import record_of

router = APIRouter()


@router.get("/compare/{job_id}")
async def ranking_page(
    request: Request,
    job_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
    db: Db,
    viewer: JobReader,
    sort: Annotated[str, Query(max_length=20)] = "probe",
) -> Response:
    """Show a comparison; while it runs, what was measured so far."""
    if not viewer.is_signed_in:
        return to_sign_in(request)
    job = await access_ranking(db, viewer, job_id)
    record = await record_of(db, job)
    attempts = await records.attempts_of(db, job)
    page = render(
        request,
        "selection/ranking.html",
        viewer=viewer,
        job=job,
        chip=state_chip(job),
        inputs=(await control.inputs_of(db, [job]))[job.id],
        ranking=ranking_view(record, sort),
        result=record.result,
        data_repo=record.request.data.train.repo,
        failure=failure_view(job),
        worker_name=attempts[-1].worker_name if attempts else "",
        num_ahead=await control.num_ahead(db, job),
    )
    page.headers["Cache-Control"] = "no-store"
    return page
