"""The site at one glance."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.admin.pages.frame import Administrator, show
from app.admin.service import overview as service
from app.core.http import Db

router = APIRouter()


@router.get("/admin")
async def overview(request: Request, db: Db, viewer: Administrator) -> HTMLResponse:
    """Show how every part stands, and what happened today."""
    return show(request, "overview", viewer, found=await service.overview(db, viewer))
