"""Writing a tutorial in the browser: drafts, a look at the result, publishing, pictures."""

import asyncio
import json
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from app.core import i18n
from app.core.db import AsyncSession
from app.core.errors import AppError, InvalidError, StaleError
from app.core.http import Db, RepoReader, RepoWriter, database, storage_of
from app.core.i18n import _
from app.core.redirects import see
from app.core.redrawing import MAX_BYTES
from app.core.security import Viewer
from app.core.templating import render
from app.jobs.service.examination import Doctor
from app.tutorials.pages.showing import preview_of
from app.tutorials.policy import access_writing, require_person
from app.tutorials.schemas import TutorialText
from app.tutorials.service import history, pictures, reading, series, writing
from app.tutorials.tables import Tutorial

router = APIRouter(max_body_size=12_000_000)
_LANGUAGES = tuple(i18n.LANGUAGES.items())
# Longer than what is kept, so that too long a text is told about and not cut.
_Body = Annotated[str, Field(max_length=writing.MAX_BODY * 2)]
_Word = Annotated[str, Field(max_length=1000)]


class _FormModel(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class DraftForm(_FormModel):
    """A draft as the form holds it. `action`: save, preview or publish."""

    language: _Word = "en"
    title: _Word = ""
    summary: _Word = ""
    body: _Body = ""
    revision: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    action: _Word = "save"
    note: _Word = ""
    source_number: Annotated[int | None, Field(ge=0, le=2**31 - 1)] = None

    @property
    def text(self) -> TutorialText:
        """The text in it."""
        return TutorialText(self.language, self.title, self.summary, self.body)


class NewForm(_FormModel):
    """A tutorial to begin."""

    slug: _Word = ""
    title: _Word = ""
    language: _Word = "en"


class PlaceForm(_FormModel):
    """Where a tutorial stands: its address, its series, its place in it."""

    slug: _Word = ""
    series: _Word = ""
    series_title: _Word = ""
    chapter: Annotated[int, Field(ge=0, le=1000)] = 0


@dataclass(frozen=True)
class Desk:
    """Somebody's own tutorial, and what is needed to write it."""

    request: Request
    db: AsyncSession
    viewer: Viewer
    tutorial: Tutorial

    @property
    def doctor(self) -> Doctor:
        """Who looks at its recipes."""
        return Doctor(database(self.request), storage_of(self.request), self.viewer)

    def url(self, language: str) -> str:
        """The page it is written on."""
        return f"/tutorials/{self.tutorial.slug}/write?lang={language}"


async def _desk(request: Request, db: Db, viewer: RepoWriter, slug: str) -> Desk:
    return Desk(request, db, viewer, await access_writing(db, viewer, slug))


AtDesk = Annotated[Desk, Depends(_desk)]


@router.get("/tutorials/mine")
async def own(request: Request, db: Db, viewer: RepoWriter) -> HTMLResponse:
    """List what the viewer writes."""
    rows = await writing.own_tutorials(db, viewer, i18n.language())
    return render(request, "tutorials/mine.html", viewer=viewer, rows=rows)


@router.get("/tutorials/new")
async def new_page(request: Request, viewer: RepoWriter) -> HTMLResponse:
    """Show the form that begins a tutorial."""
    require_person(viewer)
    return _new_page(request, viewer, NewForm(language=i18n.language()))


def _new_page(
    request: Request, viewer: Viewer, form: NewForm, problem: AppError | None = None
) -> HTMLResponse:
    return render(
        request,
        "tutorials/new.html",
        viewer=viewer,
        status=problem.status if problem else 200,
        form=form,
        problem=problem,
        choices=_LANGUAGES,
    )


@router.post("/tutorials/new")
async def begin(
    request: Request, db: Db, viewer: RepoWriter, form: Annotated[NewForm, Form()]
) -> Response:
    """Begin a tutorial."""
    try:
        async with db.begin_nested():
            text = TutorialText(form.language, form.title, "", "")
            made = await writing.begin(db, viewer, form.slug, text)
    except AppError as problem:
        return _new_page(request, viewer, form, problem)
    return see(f"/tutorials/{made.slug}/write?lang={form.language}")


@router.get("/tutorials/{slug}/write")
async def write_page(desk: AtDesk) -> HTMLResponse:
    """Show the draft in the language the address asks for."""
    return await _page(desk, i18n.language())


async def _page(
    desk: Desk,
    language: str,
    form: DraftForm | None = None,
    problem: AppError | None = None,
    **more: Any,
) -> HTMLResponse:
    kept = await writing.open_writing(desk.db, desk.tutorial, language)
    found = desk.tutorial
    is_stale = isinstance(problem, StaleError)
    source = await writing.open_writing(desk.db, found, found.language)
    chapters = (
        await series.series_view(desk.db, desk.viewer, found.series_id, language)
        if found.series_id
        else None
    )
    page = render(
        desk.request,
        "tutorials/write.html",
        viewer=desk.viewer,
        status=problem.status if problem else 200,
        tutorial=found,
        kept=kept,
        # After a clash the next save shall go upon what stands there now.
        revision=form.revision if form and not is_stale else kept.revision,
        text=form.text if form else kept.text,
        note=form.note if form else "",
        source_newest=source.number,
        theirs=await history.changes(form.text, kept.text) if form and is_stale else None,
        pictures=await pictures.own_pictures(desk.db, found),
        series=chapters,
        choices=_LANGUAGES,
        problem=problem,
        writing_language=language,
        limits=writing,
        words=json.dumps(_words()),
        **{"preview": None, "minutes": 0, **more},
    )
    page.headers["Cache-Control"] = "no-store"
    return page


def _words() -> dict[str, str]:
    return {
        "saved": _("Saved"),
        "saving": _("Saving …"),
        "unsaved": _("Not saved yet"),
        "failed": _("Not saved: the site does not answer. It is tried again."),
        "clash": _("This draft was changed in another window. Save to compare the two."),
        "uploading": _("Sending the picture …"),
        "refused": _("The picture was refused."),
    }


@router.post("/tutorials/{slug}/write")
async def write(desk: AtDesk, form: Annotated[DraftForm, Form()]) -> Response:
    """Save the draft; perhaps show how it looks, or publish it."""
    problem: AppError | None = None
    revision = form.revision
    try:
        async with desk.db.begin_nested():
            revision = await writing.save(desk.db, desk.tutorial, form.text, form.revision)
        if form.action == "publish":
            async with desk.db.begin_nested():
                wish = writing.PublishWish(form.language, form.note, form.source_number)
                await writing.publish_draft(desk.db, desk.doctor, desk.viewer, desk.tutorial, wish)
            return see(f"/tutorials/{desk.tutorial.slug}?lang={form.language}")
    except AppError as error:
        await desk.db.refresh(desk.tutorial)
        problem = error
    form = form.model_copy(update={"revision": revision})
    if problem is None and form.action == "save":
        return see(desk.url(form.language))
    # A text that was refused may be of any length: nothing is made of it.
    is_shown = problem is None and form.action == "preview"
    # A text of the largest size takes seconds, in which other requests are answered.
    shown = await asyncio.to_thread(preview_of, form.text) if is_shown else None
    minutes = await asyncio.to_thread(reading.reading_minutes, form.body) if is_shown else 0
    return await _page(desk, form.language, form, problem, preview=shown, minutes=minutes)


@router.post("/tutorials/{slug}/draft")
async def save_draft(desk: AtDesk, form: Annotated[DraftForm, Form()]) -> JSONResponse:
    """Keep what is being typed; the answer has the number the next save goes upon."""
    revision = await writing.save(desk.db, desk.tutorial, form.text, form.revision)
    return JSONResponse({"revision": revision})


@router.post("/tutorials/{slug}/draft/discard")
async def discard(desk: AtDesk, language: Annotated[str, Form(max_length=20)] = "") -> Response:
    """Forget a draft; what is published stays."""
    gone = await writing.discard(desk.db, desk.tutorial, language)
    return see("/tutorials/mine" if gone else f"/tutorials/{desk.tutorial.slug}/write")


@router.post("/tutorials/{slug}/place")
async def place(desk: AtDesk, form: Annotated[PlaceForm, Form()]) -> Response:
    """Give a tutorial another address, or make it a chapter of a series."""
    language = i18n.language()
    try:
        async with desk.db.begin_nested():
            titles = {language: form.series_title}
            await series.put_into_series(
                desk.db, desk.viewer, desk.tutorial, form.series, titles, form.chapter
            )
            await writing.move(desk.db, desk.tutorial, form.slug or desk.tutorial.slug)
    except AppError as problem:
        await desk.db.refresh(desk.tutorial)
        return await _page(desk, language, problem=problem)
    return see(desk.url(language))


@router.post("/tutorials/{slug}/pictures")
async def add_picture(
    request: Request,
    desk: AtDesk,
    picture: Annotated[UploadFile, File()],
    language: Annotated[str, Form(max_length=20)] = "en",
) -> Response:
    """Keep a picture; a script is told its Markdown, a plain form sees it among the pictures."""
    wants_json = "application/json" in request.headers.get("accept", "")
    try:
        async with desk.db.begin_nested():
            kept = await pictures.keep_picture(
                desk.db, storage_of(request), desk.tutorial, await _bytes_of(picture)
            )
    except AppError as problem:
        if wants_json:
            raise
        await desk.db.refresh(desk.tutorial)
        return await _page(desk, writing.language_of(language), problem=problem)
    if wants_json:
        return JSONResponse({"markdown": kept.markdown, "url": kept.address}, 201)
    return see(desk.url(language) + "#pictures")


async def _bytes_of(picture: UploadFile) -> bytes:
    content = await picture.read(MAX_BYTES + 1)
    if not content:
        raise InvalidError(_("No picture was sent."), fix=_("Choose a file first."))
    return content


@router.get("/tutorials/pictures/{name}")
async def show_picture(request: Request, db: Db, viewer: RepoReader, name: str) -> Response:
    """Serve a picture; its address names its content, so it may be kept for ever."""
    found = await pictures.show_picture(db, storage_of(request), viewer, name)
    kept = "public, max-age=31536000, immutable" if found.is_public else "private, no-store"
    headers = {
        "Cache-Control": kept,
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return Response(found.content, media_type=found.media_type, headers=headers)
