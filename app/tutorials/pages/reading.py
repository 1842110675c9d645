"""The list of tutorials, and the page of one with its recipes to run."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from app.core import i18n
from app.core.errors import AppError, NotFoundError
from app.core.feeds import ENTRIES, Entry, Feed, feed, list_address
from app.core.http import Db, JobWriter, RepoReader, database, storage_of
from app.core.i18n import _
from app.core.redirects import see
from app.core.templating import render
from app.jobs.service.examination import Doctor
from app.tutorials.pages.showing import Trouble, tutorial_page
from app.tutorials.service import reading, running

router = APIRouter()
Number = Annotated[int, Path(ge=1, le=1000)]
Version = Annotated[int | None, Query(ge=1, le=10**6)]


@router.get("/tutorials")
async def tutorials(
    request: Request,
    db: Db,
    viewer: RepoReader,
    cursor: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    """List the tutorials."""
    page = await reading.newest(db, i18n.language(), cursor)
    return render(
        request,
        "tutorials/list.html",
        viewer=viewer,
        rows=page.items,
        next_cursor=page.next_cursor,
    )


@feed(router, "/tutorials")
async def tutorials_feed(request: Request, db: Db, viewer: RepoReader) -> Feed:
    """Tell of the newest tutorials."""
    del viewer  # everybody may read what is published
    page = await reading.newest(db, i18n.language(), limit=ENTRIES)
    entries = [
        Entry(
            key=f"tutorial/{row.id}",
            title=row.title,
            address=f"/tutorials/{row.slug}",
            updated=row.published_at,
            published=row.published_at,
            author=row.owner,
            summary=row.summary,
            language=row.language,
        )
        for row in page.items
    ]
    return Feed(f"{_('Tutorials')} · Tuningfork", list_address(request), entries)


@router.get("/tutorials/{slug}")
async def tutorial(
    request: Request, db: Db, viewer: RepoReader, slug: str, v: Version = None
) -> Response:
    """Show one tutorial, in the reader's language where it is written in it."""
    try:
        page = await reading.read(db, slug, i18n.language(), v, viewer)
    except NotFoundError:
        moved = await reading.present_slug(db, slug)
        if moved is None:
            raise
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/tutorials/{moved}{query}", 308)
    return await tutorial_page(request, db, viewer, page)


class RunForm(BaseModel):
    """Which version's recipe to run, and whether everybody may see what it comes to."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    v: Annotated[int | None, Field(ge=1, le=10**6)] = None
    lang: Annotated[str, Field(max_length=20)] = ""
    shared: Annotated[str, Field(max_length=5)] = ""


@router.post("/tutorials/{slug}/recipes/{number}/run")
async def run(
    request: Request,
    db: Db,
    viewer: JobWriter,
    slug: str,
    number: Number,
    form: Annotated[RunForm, Form()],
) -> Response:
    """Run a recipe of a tutorial as a job of one's own; what stands against it is said there."""
    page = await reading.read(db, slug, form.lang or i18n.language(), form.v)
    doctor = Doctor(database(request), storage_of(request), viewer)
    shared = form.shared == "1"
    try:
        async with db.begin_nested():
            job_id = await running.run_recipe(db, doctor, viewer, page, number, shared=shared)
    except AppError as problem:
        return await tutorial_page(request, db, viewer, page, Trouble(problem, number))
    return see(f"/jobs/{job_id}")
