"""The form that asks a question, what was asked before, and the questions about a failure."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from app.comments import service as comments
from app.comments.schemas import MAX_BODY
from app.core.errors import AppError
from app.core.http import Db, JobReader
from app.core.markdown import render_markdown
from app.core.templating import render_text
from app.questions import service
from app.questions.pages.frame import LINKS, Desk, WriteDesk, see
from app.questions.schemas import Language, QuestionIn

router = APIRouter()
JobId = Annotated[int, Query(alias="job", ge=0, lt=1 << 63)]


class AskForm(BaseModel):
    """A question to ask; `action` is `preview` or empty."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    title: Annotated[str, Field(max_length=1000)] = ""
    body: Annotated[str, Field(max_length=MAX_BODY * 2)] = ""
    tags: Annotated[str, Field(max_length=600)] = ""
    language: Language | Literal[""] = ""
    job_id: Annotated[int, Field(ge=0, lt=1 << 63)] = 0
    version: Annotated[int, Field(ge=0)] = 0
    action: Annotated[str, Field(max_length=20)] = ""
    begun: Annotated[int, Field(ge=0, lt=1 << 63)] = 0


@router.get("/questions/ask")
async def ask_page(desk: WriteDesk, job_id: JobId = 0, tags: str = "") -> HTMLResponse:
    """Show the form: with what was begun before, or with what is known of a run."""
    if job_id:
        begun = await service.begin_about(desk.db, desk.viewer, job_id)
        known = [tag.name for tag in await service.known_tags(desk.db, list(begun.tags))]
        form = AskForm(title=begun.title, body=begun.body, tags=" ".join(known), job_id=job_id)
        return await _form(desk, form)
    draft = await service.find_draft(desk.db, desk.viewer, service.NEW)
    if draft is None:
        return await _form(desk, AskForm(tags=tags[:600]))
    begun_form = AskForm(title=draft.title, body=draft.body, tags=draft.tags, version=draft.version)
    return await _form(desk, begun_form, kept_at=draft.updated_at)


async def _form(
    desk: Desk, form: AskForm, problem: AppError | None = None, kept_at: object = None
) -> HTMLResponse:
    preview = render_markdown(form.body, LINKS) if form.action == "preview" else None
    about = await service.snapshot_of(desk.db, desk.viewer, form.job_id) if form.job_id else None
    return desk.show(
        "questions/ask.html",
        problem=problem,
        form=form,
        preview=preview,
        kept_at=kept_at,
        about=about,
        matching=await service.questions_about(desk.db, about.fingerprint) if about else [],
    )


@router.post("/questions")
async def ask(desk: WriteDesk, form: Annotated[AskForm, Form()]) -> Response:
    """Ask, or show how it would look."""
    if form.action == "preview":
        return await _form(desk, form)
    comments.note_typing(desk.db, form.begun)
    new = QuestionIn.model_construct(
        title=form.title,
        body=form.body,
        tags=service.split_tags(form.tags),
        language=form.language or None,
        job_id=form.job_id or None,
    )
    try:
        async with desk.db.begin_nested():
            made = await service.ask(desk.db, desk.viewer, new)
    except AppError as problem:
        return await _form(desk, form, problem)
    return see(made.url)


@router.get("/questions/about-failure/{job_id}")
async def about_failure(db: Db, viewer: JobReader, job_id: int) -> HTMLResponse:
    """Return the part of a failed run's page that shows questions about the same failure."""
    about = await service.snapshot_of(db, viewer, job_id)
    rows = await service.questions_about(db, about.fingerprint)
    answers = await service.best_answers(db, [row.id for row in rows if row.is_answered])
    page = render_text(
        "questions/_about_failure.html",
        rows=rows,
        answers={number: render_markdown(words, LINKS) for number, words in answers.items()},
        job_id=job_id,
    )
    return HTMLResponse(page)
