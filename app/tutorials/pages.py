"""Pages of tutorials."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.core import i18n
from app.core.http import Db, RepoReader
from app.core.markdown import render_markdown
from app.core.templating import render
from app.tutorials import service

router = APIRouter(include_in_schema=False)


@router.get("/tutorials")
async def tutorials(request: Request, db: Db, viewer: RepoReader) -> HTMLResponse:
    """List the tutorials."""
    rows = await service.newest(db, i18n.language())
    return render(request, "tutorials/list.html", viewer=viewer, rows=rows)


@router.get("/tutorials/{slug}")
async def tutorial(request: Request, db: Db, viewer: RepoReader, slug: str) -> HTMLResponse:
    """Show one tutorial, in the reader's language where it is written in it."""
    page = await service.read(db, slug, i18n.language())
    return render(
        request,
        "tutorials/show.html",
        viewer=viewer,
        page=page,
        body=render_markdown(page.text.body),
    )
