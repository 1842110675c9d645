"""The list of discussions, and the form that opens one."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from app.comments import service as comments
from app.comments.schemas import MAX_BODY
from app.core.errors import AppError
from app.core.feeds import ENTRIES, Entry, Feed, feed, list_address
from app.core.i18n import _
from app.core.markdown import render_markdown
from app.discussions import service
from app.discussions.pages.opening import ReadRoom, Room, WriteRoom, see
from app.discussions.schemas import ListFilters, NewDiscussion

router = APIRouter()
_PAGE = 30
_TYPES = {"": None, "discussion": False, "pull_request": True}
_STATUSES = {"open": True, "closed": False, "all": None}


class ListQuery(BaseModel):
    """Which discussions somebody wants to see."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    status: Literal["open", "closed", "all"] = "open"
    type: Literal["", "discussion", "pull_request"] = ""
    author: Annotated[str, Field(max_length=100)] = ""
    q: Annotated[str, Field(max_length=200)] = ""
    cursor: Annotated[str, Field(max_length=200)] = ""


class NewForm(BaseModel):
    """A discussion to open; `action` is `preview` or empty."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    title: Annotated[str, Field(max_length=1000)] = ""
    description: Annotated[str, Field(max_length=MAX_BODY * 2)] = ""
    action: Annotated[str, Field(max_length=20)] = ""
    begun: Annotated[int, Field(ge=0, lt=1 << 63)] = 0


@router.get("/discussions")
async def list_page(room: ReadRoom, query: Annotated[ListQuery, Query()]) -> HTMLResponse:
    """List the discussions and pull requests of a repository."""
    filters = ListFilters(_TYPES[query.type], _STATUSES[query.status], query.author, query.q)
    page = await service.list_page(
        room.db, room.repository, filters, query.cursor, _PAGE, room.viewer
    )
    return room.show(
        "discussions/list.html",
        rows=page.items,
        next_cursor=page.next_cursor,
        query=query,
        counts=await service.count_discussions(room.db, room.repository),
    )


@feed(router, "/discussions")
async def list_feed(request: Request, room: ReadRoom, query: Annotated[ListQuery, Query()]) -> Feed:
    """Tell of the newest discussions and pull requests of a repository, whatever their state."""
    filters = ListFilters(_TYPES[query.type], None, query.author, query.q)
    page = await service.list_numbered(room.db, room.repository, filters, 0, ENTRIES)
    entries = [
        Entry(
            key=f"discussion/{row.id}",
            title=row.title,
            address=f"{room.url}/{row.num}",
            updated=row.updated_at,
            published=row.created_at,
            author=row.author,
            summary=row.status.value,
        )
        for row in page.rows
    ]
    name = f"{room.repository.owner_name}/{room.repository.name}"
    return Feed(f"{name}: {_('Community')} · Tuningfork", list_address(request), entries)


@router.get("/discussions/new")
async def new_page(room: WriteRoom) -> HTMLResponse:
    """Show the form that opens a discussion."""
    return _form(room, NewForm())


def _form(room: Room, form: NewForm, problem: AppError | None = None) -> HTMLResponse:
    preview = render_markdown(form.description, room.links) if form.action == "preview" else None
    return room.show("discussions/new.html", problem=problem, form=form, preview=preview)


@router.post("/discussions")
async def open_discussion(room: WriteRoom, form: Annotated[NewForm, Form()]) -> Response:
    """Open a discussion, or show how it would look."""
    if form.action == "preview":
        return _form(room, form)
    comments.note_typing(room.db, form.begun)
    try:
        async with room.db.begin_nested():
            new = NewDiscussion(form.title, form.description)
            made = await service.open_discussion(room.db, room.viewer, room.repository, new)
    except AppError as problem:
        return _form(room, form, problem)
    return see(f"{room.url}/{made.num}")
