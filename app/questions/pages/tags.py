"""Tags: all of them, and the questions under one."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from app.core.errors import AppError
from app.core.feeds import ENTRIES, Feed, feed, list_address
from app.questions import service
from app.questions.pages.frame import Desk, ReadDesk, WriteDesk, see
from app.questions.pages.lists import ListQuery, question_entry
from app.questions.schemas import TagView
from app.reputation import service as reputation
from app.reputation.schemas import Ability

router = APIRouter()
_PAGE = 30
Text = Annotated[str, Form(max_length=2000)]


@router.get("/tags")
async def tags_page(
    desk: ReadDesk, cursor: Annotated[str, Query(max_length=200)] = ""
) -> HTMLResponse:
    """List tags, the most used first."""
    page = await service.list_tags(desk.db, cursor)
    return desk.show("questions/tags.html", tags=page.items, next_cursor=page.next_cursor)


@feed(router, "/tags/{name}")
async def tag_feed(
    request: Request, desk: ReadDesk, name: str, query: Annotated[ListQuery, Query()]
) -> Feed:
    """Tell of the newest questions under a tag."""
    tag = await service.find_tag(desk.db, name)
    page = await service.list_questions(desk.db, "new", tag.id, query.languages, "", ENTRIES)
    entries = [question_entry(row) for row in page.items]
    return Feed(f"{tag.name} · Tuningfork", list_address(request), entries)


@router.get("/tags/{name}")
async def tag_page(desk: ReadDesk, name: str, query: Annotated[ListQuery, Query()]) -> Response:
    """List the questions under a tag; a synonym leads to its main tag."""
    tag = await service.find_tag(desk.db, name)
    if tag.name != name:
        return see(f"/tags/{tag.name}", moved=True)
    return await _page(desk, tag, query)


async def _page(
    desk: Desk, tag: TagView, query: ListQuery, problem: AppError | None = None
) -> HTMLResponse:
    page = await service.list_questions(
        desk.db, query.sort, tag.id, query.languages, query.cursor, _PAGE
    )
    return desk.show(
        "questions/tag.html",
        problem=problem,
        tag=tag,
        rows=page.items,
        next_cursor=page.next_cursor,
        query=query,
        narrower=await service.narrower(desk.db, tag.id),
        synonyms=await service.synonyms(desk.db, tag.id),
        may_curate=Ability.CURATE in await reputation.abilities_of(desk.db, desk.viewer),
    )


@router.post("/tags/{name}")
async def change_tag(  # which, and what is said of it
    desk: WriteDesk,
    name: str,
    about_en: Text = "",
    about_zh: Text = "",
    parent: Text = "",
    synonym: Text = "",
) -> Response:
    """Say what a tag is about, where it belongs, and by what other name people call it."""
    tag = await service.find_tag(desk.db, name)
    try:
        async with desk.db.begin_nested():
            await service.describe(desk.db, desk.viewer, tag.name, about_en, about_zh)
            if parent.strip() != tag.parent:
                await service.set_parent(desk.db, desk.viewer, tag.name, parent.strip())
            if synonym.strip():
                await service.make_synonym(desk.db, desk.viewer, synonym, tag.name)
    except AppError as problem:
        desk.db.expire_all()
        return await _page(desk, tag, ListQuery(), problem)
    return see(f"/tags/{tag.name}")
