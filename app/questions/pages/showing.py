"""A question with its answers."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup
from pydantic import BaseModel, ConfigDict, Field

from app.accounts import service as accounts
from app.comments.schemas import CommentView
from app.core.errors import AppError
from app.core.http import site_address
from app.core.markdown import render_markdown
from app.questions import service
from app.questions.pages.curve import curve_points
from app.questions.pages.frame import LINKS, Desk, ReadDesk, see
from app.questions.pages.structured import question_page_data
from app.questions.schemas import AnswerSort, CloseReason, PostView, QuestionView
from app.reputation import service as reputation
from app.reputation.schemas import Ability

router = APIRouter()


class ShowQuery(BaseModel):
    """In which order, and from where, answers are shown; `remark` opens the field of a remark."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    sort: AnswerSort = "best"
    cursor: Annotated[str, Field(max_length=200)] = ""
    remark: Annotated[int, Field(ge=0, lt=1 << 63)] = 0


@dataclass(frozen=True)
class Item:
    """A post as the page shows it."""

    post: PostView
    markup: Markup
    remarks: Sequence[Markup]
    has_patch: bool


@dataclass(frozen=True)
class Draft:
    """What stands in the answer's field, and how it would look if somebody asked."""

    text: str = ""
    version: int = 0
    wants_preview: bool = False


async def items_of(posts: Sequence[PostView]) -> list[Item]:
    """Return posts with their Markdown drawn, beside the event loop."""

    def drawn() -> list[Item]:
        return [
            Item(
                post,
                post.words.markup(LINKS),
                [one.markup(LINKS) for one in post.remarks],
                has_patch=bool(service.patch_in(post.words.body)),
            )
            for post in posts
        ]

    return await asyncio.to_thread(drawn)


async def rights_in(desk: Desk, question: QuestionView) -> dict[str, bool]:
    """Return what the viewer may do here, by name."""
    abilities = await reputation.abilities_of(desk.db, desk.viewer)
    is_asker = desk.viewer.is_signed_in and desk.viewer.user_id == question.author_id
    curates = Ability.CURATE in abilities
    return {
        "write": desk.viewer.is_signed_in and (not question.locked or curates),
        "close": (is_asker and not question.locked) or Ability.CLOSE in abilities,
        "accept": is_asker or desk.viewer.is_admin or desk.viewer.is_moderator,
        "curate": curates,
        "edit": Ability.EDIT in abilities,
        "link": is_asker or Ability.EDIT in abilities,
        "vote_down": Ability.VOTE_DOWN in abilities,
        "answer": question.closed_at is None,
    }


async def question_page(
    desk: Desk,
    question: QuestionView,
    query: ShowQuery,
    draft: Draft | None = None,
    problem: AppError | None = None,
) -> HTMLResponse:
    """Return the page of a question, with what somebody has begun to write."""
    page = await service.posts_of(desk.db, desk.viewer, question, query.sort, query.cursor)
    items = await items_of(page.items)
    draft = draft or await _kept(desk, question.id)
    twin = await service.twin_of(desk.db, desk.viewer, question)
    return desk.show(
        "questions/show.html",
        problem=problem,
        question=question,
        items=items,
        next_cursor=page.next_cursor,
        query=query,
        draft=draft,
        preview=render_markdown(draft.text, LINKS) if draft.wants_preview else None,
        rights=await rights_in(desk, question),
        blocked=await accounts.blocked_among(
            desk.db,
            desk.viewer,
            {one.author_id for item in page.items for one in (item.words, *item.remarks)},
        ),
        evidence=await service.evidence_of(
            desk.db,
            desk.viewer,
            {one.post.words.id: one.post.words.body for one in items if one.has_patch},
        ),
        suggestions=await service.suggestions_of(desk.db, desk.viewer, question.id),
        twin=twin,
        twin_answer=await _drawn(twin.accepted) if twin and twin.accepted else None,
        site=site_address(desk.request),
        curve=curve_points(question.snapshot.curve) if question.snapshot else "",
        close_reasons=list(CloseReason),
        structured=question_page_data(desk.request, question, page.items, twin),
    )


async def _drawn(words: CommentView) -> Markup:
    return await asyncio.to_thread(words.markup, LINKS)


async def _kept(desk: Desk, question_id: int) -> Draft:
    found = await service.find_draft(desk.db, desk.viewer, f"answer:{question_id}")
    return Draft(found.body, found.version) if found else Draft()


@router.get("/q/{question_id}/{_slug:path}")
@router.get("/q/{question_id}")
async def short(desk: ReadDesk, question_id: int) -> Response:
    """Go to where a question is for good."""
    question = await service.read_question(desk.db, desk.viewer, question_id)
    return see(question.url, moved=True)


@router.get("/questions/{question_id}/history")
async def history(desk: ReadDesk, question_id: int) -> HTMLResponse:
    """Show what happened to a question, the newest first."""
    question = await service.read_question(desk.db, desk.viewer, question_id)
    found = await service.happenings(desk.db, desk.viewer, question_id)
    return desk.show("questions/happenings.html", question=question, happenings=found)


@router.get("/questions/{question_id}")
@router.get("/questions/{question_id}/{slug}")
async def show(
    desk: ReadDesk, question_id: int, query: Annotated[ShowQuery, Query()], slug: str = ""
) -> Response:
    """Show a question; another slug than its title's leads to the right one."""
    question = await service.read_question(desk.db, desk.viewer, question_id)
    if slug != question.slug:
        rest = f"?{desk.request.url.query}" if desk.request.url.query else ""
        return see(question.url + rest, moved=True)
    return await question_page(desk, question, query)
