"""New words for a post, and the words it had before."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from app.comments import service as comments
from app.comments.schemas import MAX_BODY, CommentView
from app.core.errors import AppError
from app.core.markdown import render_markdown
from app.questions import policy, service
from app.questions.pages.frame import LINKS, Desk, ReadDesk, WriteDesk, see
from app.questions.schemas import QuestionChange, QuestionView

router = APIRouter()


class EditForm(BaseModel):
    """New words; title and tags only for the question's own."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    title: Annotated[str, Field(max_length=1000)] = ""
    body: Annotated[str, Field(max_length=MAX_BODY * 2)] = ""
    tags: Annotated[str, Field(max_length=600)] = ""
    reason: Annotated[str, Field(max_length=500)] = ""
    version: Annotated[int, Field(ge=0)] = 0
    action: Annotated[str, Field(max_length=20)] = ""


@router.get("/posts/{post_id}/edit")
async def edit_page(desk: WriteDesk, post_id: int) -> HTMLResponse:
    """Show the words of a post in fields, or what one has begun to change."""
    question, words = await service.post_words(desk.db, desk.viewer, post_id)
    draft = await service.find_draft(desk.db, desk.viewer, f"edit:{post_id}")
    form = EditForm(title=question.title, body=words.body, tags=" ".join(question.tags))
    if draft is not None:
        form = EditForm(
            title=draft.title or form.title,
            body=draft.body,
            tags=draft.tags or form.tags,
            version=draft.version,
        )
    return await _form(desk, question, words, form)


async def _form(
    desk: Desk,
    question: QuestionView,
    words: CommentView,
    form: EditForm,
    problem: AppError | None = None,
) -> HTMLResponse:
    return desk.show(
        "questions/edit.html",
        problem=problem,
        question=question,
        words=words,
        form=form,
        preview=render_markdown(form.body, LINKS) if form.action == "preview" else None,
        counts_at_once=await policy.may_edit(desk.db, desk.viewer, words),
    )


@router.post("/posts/{post_id}/edit")
async def edit(desk: WriteDesk, post_id: int, form: Annotated[EditForm, Form()]) -> Response:
    """Change the words of a post, or suggest it."""
    question, words = await service.post_words(desk.db, desk.viewer, post_id)
    if form.action == "preview":
        return await _form(desk, question, words, form)
    try:
        async with desk.db.begin_nested():
            waits = await _change(desk, question, post_id, form)
    except AppError as problem:
        desk.db.expire_all()
        return await _form(desk, question, words, form, problem)
    question = await service.read_question(desk.db, desk.viewer, question.id)
    return see(f"{question.url}?suggested=1" if waits else f"{question.url}#post-{post_id}")


async def _change(desk: Desk, question: QuestionView, post_id: int, form: EditForm) -> bool:
    if post_id != question.body_id:
        waits = await service.change_post(desk.db, desk.viewer, post_id, form.body, form.reason)
        return waits is not None
    change = QuestionChange.model_construct(
        title=form.title, body=form.body, tags=service.split_tags(form.tags), reason=form.reason
    )
    return await service.change_question(desk.db, desk.viewer, question.id, change) is not None


@router.get("/posts/{post_id}/history")
async def history(desk: ReadDesk, post_id: int) -> HTMLResponse:
    """Show how the words of a post changed, the newest change first."""
    question, words = await service.post_words(desk.db, desk.viewer, post_id)
    wordings = await comments.revisions(desk.db, words)
    return desk.show(
        "questions/history.html",
        question=question,
        words=words,
        steps=await asyncio.to_thread(comments.rewordings, wordings),
        first=wordings[0],
        may_edit=await policy.may_edit(desk.db, desk.viewer, words),
    )


@router.post("/posts/{post_id}/restore/{number}")
async def roll_back(desk: WriteDesk, post_id: int, number: int) -> Response:
    """Make an earlier wording the newest again."""
    question, _words = await service.post_words(desk.db, desk.viewer, post_id)
    await service.roll_back(desk.db, desk.viewer, post_id, number)
    return see(f"{question.url}#post-{post_id}")
