"""The public log of moderation."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.core.http import Anybody, Db
from app.moderation import service
from app.moderation.pages.frame import LARGEST, show

router = APIRouter(prefix="/moderation")
Cursor = Annotated[int | None, Query(ge=1, le=LARGEST)]


@router.get("/log")
async def log_page(
    request: Request, db: Db, viewer: Anybody, cursor: Cursor = None
) -> HTMLResponse:
    """Show what moderators did, to everybody."""
    page = await service.public_log(db, cursor)
    return show(
        request, "moderation/log.html", viewer, acts=page.items, next_cursor=page.next_cursor
    )
