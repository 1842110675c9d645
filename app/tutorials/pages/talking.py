"""What readers leave: that they have read it, and comments at its end."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from app.comments.schemas import MAX_BODY
from app.core import i18n
from app.core.errors import AppError, NotFoundError
from app.core.http import AnySignedIn, Db, RepoReader, RepoWriter
from app.core.redirects import see
from app.core.templating import render
from app.tutorials.pages.showing import Trouble, tutorial_page
from app.tutorials.service import reading, series, talking

router = APIRouter()


@router.get("/tutorials/series/{slug}")
async def series_page(request: Request, db: Db, viewer: RepoReader, slug: str) -> HTMLResponse:
    """Show the chapters of a series, and which of them the viewer has read."""
    found = await series.read_series(db, viewer, slug, i18n.language())
    return render(request, "tutorials/series.html", viewer=viewer, series=found)


@router.post("/tutorials/{slug}/read")
async def mark(
    db: Db, viewer: AnySignedIn, slug: str, value: Annotated[str, Form(max_length=5)] = "1"
) -> Response:
    """Note that the viewer has read a tutorial, or has not."""
    page = await reading.read(db, slug, i18n.language())
    await series.set_read(db, viewer, page.id, read=value == "1")
    return see(f"/tutorials/{page.slug}#end")


@router.post("/tutorials/{slug}/comments")
async def comment(
    request: Request,
    db: Db,
    viewer: RepoWriter,
    slug: str,
    comment: Annotated[str, Form(max_length=MAX_BODY * 2)] = "",
) -> Response:
    """Write a comment at the end of a tutorial."""
    try:
        async with db.begin_nested():
            number = await talking.add_comment(db, viewer, slug, comment)
    except NotFoundError:
        raise
    except AppError as problem:
        page = await reading.read(db, slug, i18n.language())
        return await tutorial_page(request, db, viewer, page, Trouble(problem, words=comment))
    return see(f"/tutorials/{slug}#comment-{number}")


@router.post("/tutorials/{slug}/comments/{comment_id}/hide")
async def hide(db: Db, viewer: RepoWriter, slug: str, comment_id: int) -> Response:
    """Take away the words of a comment."""
    await talking.hide_comment(db, viewer, slug, comment_id)
    return see(f"/tutorials/{slug}#comment-{comment_id}")
