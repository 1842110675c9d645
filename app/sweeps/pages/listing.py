"""The list of a person's own sweeps."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.core.http import Db, JobReader
from app.core.templating import render
from app.sweeps.pages.words import measured, sweep_chip, to_sign_in
from app.sweeps.service import report, steering

router = APIRouter()
_PAGE = 30


@router.get("/sweeps")
async def sweep_list(
    request: Request,
    db: Db,
    viewer: JobReader,
    cursor: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Show the viewer's sweeps, newest first."""
    if not viewer.is_signed_in:
        return to_sign_in(request)
    page = await steering.list_sweeps(db, viewer.require_user(), cursor or None, _PAGE)
    items = [report.sweep_item(board) for board in page.items]
    return render(
        request,
        "sweeps/list.html",
        viewer=viewer,
        rows=[(item, sweep_chip(item.state)) for item in items],
        measured=measured,
        next_cursor=page.next_cursor,
        any_live=any(not item.state.is_final for item in items),
    )
