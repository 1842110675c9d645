"""Sweeps over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from app.core.http import Db, JobReader, JobWriter, RepoWriter, database, storage_of
from app.jobs.schemas import PublishedOut
from app.sweeps.policy import access_sweep
from app.sweeps.schemas import PromoteIn, SweepIn, SweepOut, SweepPage, TrialOut
from app.sweeps.service import promoting, report, steering

router = APIRouter(prefix="/api/v1/sweeps", tags=["sweeps"], max_body_size=1 << 20)
SweepId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The sweep's number.")]


@router.post(
    "",
    status_code=201,
    responses={
        422: {
            "description": "The sweep, its recipe or its data are not fit; `details` says where."
        },
        429: {"description": "Too many of your sweeps have not ended."},
    },
)
async def begin_sweep(
    body: SweepIn, request: Request, response: Response, db: Db, viewer: JobWriter
) -> SweepOut:
    """Check a recipe with `search`, `cross_validation` or `seeds`, and begin its trials."""
    sweep = await steering.begin(db, database(request), storage_of(request), viewer, body.recipe)
    response.headers["Location"] = f"/api/v1/sweeps/{sweep.id}"
    return await report.sweep_out(await steering.board_of(db, sweep))


@router.get("")
async def list_sweeps(
    db: Db,
    viewer: JobReader,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 30,
) -> SweepPage:
    """List your own sweeps, newest first."""
    page = await steering.list_sweeps(db, viewer.require_user(), cursor, limit)
    items = [report.sweep_item(board) for board in page.items]
    return SweepPage(items=items, next_cursor=page.next_cursor)


@router.get("/{sweep_id}")
async def get_sweep(sweep_id: SweepId, db: Db, viewer: JobReader) -> SweepOut:
    """Return one sweep."""
    sweep = await access_sweep(db, viewer, sweep_id)
    return await report.sweep_out(await steering.board_of(db, sweep))


@router.get("/{sweep_id}/trials")
async def list_trials(sweep_id: SweepId, db: Db, viewer: JobReader) -> list[TrialOut]:
    """Return every job of a sweep, in the order they were begun; at most a few hundred."""
    sweep = await access_sweep(db, viewer, sweep_id)
    board = await steering.board_of(db, sweep)
    return [report.trial_out(row) for row in board.rows]


@router.post("/{sweep_id}/pause", status_code=202)
async def pause_sweep(sweep_id: SweepId, db: Db, viewer: JobWriter) -> SweepOut:
    """Begin no more trials; those that run go on."""
    sweep = await steering.pause(db, await access_sweep(db, viewer, sweep_id))
    return await report.sweep_out(await steering.board_of(db, sweep))


@router.post("/{sweep_id}/resume", status_code=202)
async def resume_sweep(sweep_id: SweepId, db: Db, viewer: JobWriter) -> SweepOut:
    """Go on with a paused sweep."""
    sweep = await steering.resume(db, await access_sweep(db, viewer, sweep_id))
    return await report.sweep_out(await steering.board_of(db, sweep))


@router.post("/{sweep_id}/cancel", status_code=202)
async def cancel_sweep(sweep_id: SweepId, db: Db, viewer: JobWriter) -> SweepOut:
    """End a sweep and its live trials; what was measured stays."""
    sweep = await steering.cancel(db, await access_sweep(db, viewer, sweep_id))
    return await report.sweep_out(await steering.board_of(db, sweep))


@router.post("/{sweep_id}/promote", status_code=201)
async def promote_best(
    sweep_id: SweepId, body: PromoteIn, request: Request, db: Db, viewer: RepoWriter
) -> PublishedOut:
    """Make a model repository of the best trial's result."""
    sweep = await access_sweep(db, viewer, sweep_id)
    return await promoting.promote(db, storage_of(request), viewer, sweep, body)
