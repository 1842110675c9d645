"""Pictures for posts: pasted by a script, or sent by a form and copied from a list."""

from typing import Annotated

from fastapi import APIRouter, File, Request, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from app.comments import pictures
from app.core.db import AsyncSession
from app.core.errors import AppError, InvalidError
from app.core.http import Anybody, CommunityWriter, Db, storage_of
from app.core.i18n import _
from app.core.redrawing import MAX_BYTES
from app.core.security import Viewer
from app.core.templating import render

router = APIRouter(prefix="/pictures", include_in_schema=False)
_LASTS = {
    "Cache-Control": "private, max-age=86400",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}


@router.get("")
async def list_pictures(request: Request, db: Db, viewer: CommunityWriter) -> HTMLResponse:
    """Show one's newest pictures with the Markdown for each, and a form that adds one."""
    return await _page(request, db, viewer)


async def _page(
    request: Request, db: AsyncSession, viewer: Viewer, problem: AppError | None = None
) -> HTMLResponse:
    return render(
        request,
        "comments/pictures.html",
        viewer=viewer,
        status=problem.status if problem else 200,
        error=problem.message if problem else "",
        fix=problem.fix if problem else "",
        pictures=await pictures.own_pictures(db, viewer),
    )


@router.post("")
async def add_picture(
    request: Request, db: Db, viewer: CommunityWriter, picture: Annotated[UploadFile, File()]
) -> Response:
    """Keep a picture; a script is told its Markdown, a plain form sees it in the list."""
    wants_json = "application/json" in request.headers.get("accept", "")
    try:
        async with db.begin_nested():
            content = await picture.read(MAX_BYTES + 1)
            if not content:
                raise InvalidError(_("No picture was sent."), fix=_("Choose a file first."))
            kept = await pictures.keep_picture(db, storage_of(request), viewer, content)
    except AppError as problem:
        if wants_json:
            raise
        return await _page(request, db, viewer, problem)
    if wants_json:
        return JSONResponse({"markdown": kept.markdown, "url": kept.address}, 201)
    return RedirectResponse("/pictures", 303)


@router.get("/{name}")
async def show_picture(request: Request, db: Db, _viewer: Anybody, name: str) -> Response:
    """Serve a picture to whoever knows its address."""
    content, media_type = await pictures.show_picture(db, storage_of(request), name)
    return Response(content, media_type=media_type, headers=_LASTS)


@router.post("/{name}/take-away")
async def take_away(request: Request, db: Db, viewer: CommunityWriter, name: str) -> Response:
    """Remove one of one's pictures."""
    await pictures.take_away(db, storage_of(request), viewer, name)
    return RedirectResponse("/pictures", 303)
