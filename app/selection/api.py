"""Rankings of base models over HTTP; their events, logs and cancelling are those of the job."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response
from pydantic import JsonValue

from app.core.http import Db, JobReader, JobWriter, database, storage_of
from app.jobs.service import control
from app.jobs.service.examination import Doctor
from app.selection.policy import access_ranking
from app.selection.schemas import RankingIn, RankingOut
from app.selection.service import Record, Selector, record_of
from worker.contract.rank import RankRequest

router = APIRouter(prefix="/api/v1/rankings", tags=["rankings"], max_body_size=1 << 20)
JobId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The number of the job.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="Send the same key again to get the same ranking instead of a second one.",
    ),
]


@router.get("/schema")
async def ranking_schema(_viewer: JobReader) -> dict[str, JsonValue]:
    """Return the JSON Schema of requests."""
    schema: dict[str, JsonValue] = RankRequest.model_json_schema()
    return schema


@router.post(
    "",
    status_code=201,
    responses={
        422: {"description": "A candidate or the data are not fit; `details` says what and where."},
        429: {"description": "Too many of your jobs wait."},
    },
)
async def submit_ranking(
    body: RankingIn,
    request: Request,
    response: Response,
    db: Db,
    viewer: JobWriter,
    idempotency_key: IdempotencyKey = None,
) -> RankingOut:
    """Check the candidates with the data and queue a ranking."""
    doctor = Doctor(database(request), storage_of(request), viewer)
    selector = Selector(database(request), doctor, viewer)
    job, replayed = await selector.submit(db, body.request, idempotency_key)
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    response.headers["Location"] = f"/api/v1/rankings/{job.id}"
    return ranking_out(await record_of(db, job))


@router.get("/{job_id}")
async def get_ranking(job_id: JobId, db: Db, viewer: JobReader) -> RankingOut:
    """Return a ranking, or what was measured of it so far."""
    return ranking_out(await record_of(db, await access_ranking(db, viewer, job_id)))


def ranking_out(record: Record) -> RankingOut:
    """Return a ranking as the API shows it."""
    job, result = record.job, record.result
    return RankingOut(
        id=job.id,
        title=job.title,
        state=job.state,
        progress=job.progress,
        request=job.recipe,
        num_candidates=len(record.request.candidates),
        candidates=list(record.candidates),
        agreement=result.agreement if result else None,
        num_samples=result.num_samples if result else None,
        seconds=result.seconds if result else None,
        device=result.device if result else None,
        failure=control.told_failure(job),
        url=f"/compare/{job.id}",
        created_at=job.created_at,
    )
