"""The list of one's notifications, and what is done with them."""

from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from app.core.http import AccountViewer, Db
from app.core.templating import render
from app.notifications import service
from app.notifications.schemas import Filters, Kind, State
from app.notifications.service import words

router = APIRouter(prefix="/notifications")


class ListQuery(BaseModel):
    """Which notifications somebody wants to see; `marked` and `undo` speak of what was done."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    state: State = State.UNREAD
    kind: Kind | None = None
    repository: Annotated[int | None, Field(ge=1, lt=1 << 62)] = None
    cursor: Annotated[str, Field(max_length=200)] = ""
    marked: Annotated[int | None, Field(ge=0)] = None
    undo: Annotated[str, Field(max_length=40)] = ""

    @property
    def filters(self) -> Filters:
        """What the list is narrowed to."""
        return Filters(self.state, self.kind, self.repository)


class MarkForm(BaseModel):
    """Threads to mark, or, with `everything`, all that the filters choose up to a number."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    action: Annotated[str, Field(max_length=20)] = ""
    thread: Annotated[list[str], Field(max_length=200)] = []
    everything: bool = False
    upto: Annotated[int | None, Field(ge=0, lt=1 << 62)] = None
    state: State = State.UNREAD
    kind: Annotated[str, Field(max_length=20)] = ""
    repository: Annotated[str, Field(max_length=20)] = ""

    @property
    def query(self) -> dict[str, str]:
        """What brings the same list back."""
        said = {"state": self.state.value, "kind": self.kind, "repository": self.repository}
        return {name: value for name, value in said.items() if value}


@router.get("")
async def list_page(
    request: Request, db: Db, viewer: AccountViewer, query: Annotated[ListQuery, Query()]
) -> Response:
    """List one's notifications by thread, the newest first."""
    page = await service.threads_page(db, viewer, query.filters, query.cursor)
    return private(
        render(
            request,
            "notifications/list.html",
            viewer=viewer,
            query=query,
            threads=page.items,
            next_cursor=page.next_cursor,
            repositories=await service.repositories(db, viewer),
            states=list(State),
            kinds=list(Kind),
            words=words,
        )
    )


@router.post("")
async def mark(db: Db, viewer: AccountViewer, form: Annotated[MarkForm, Form()]) -> Response:
    """Mark as read, unread or done: what was chosen, or everything in the list."""
    action, threads = form.action, [service.parse_target(name) for name in form.thread]
    single, _at, name = action.partition("@")
    if name:  # the button of one thread
        action, threads = single, [service.parse_target(name)]
    filters = None
    if form.everything or action.startswith("all-"):
        action, threads = action.removeprefix("all-"), []
        filters = ListQuery.model_validate(form.query).filters
    elif not threads:
        return RedirectResponse(_address(form.query), 303)
    moment, count = await service.mark(db, viewer, action, threads, filters, form.upto)
    done = {"marked": str(count)} | ({"undo": moment.isoformat()} if moment and count else {})
    return RedirectResponse(_address({**form.query, **done}), 303)


@router.post("/undo")
async def undo(db: Db, viewer: AccountViewer, moment: Annotated[datetime, Form()]) -> Response:
    """Take back what was marked last."""
    await service.undo(db, viewer, moment)
    return RedirectResponse("/notifications?state=all", 303)


@router.get("/why")
async def why(
    request: Request,
    db: Db,
    viewer: AccountViewer,
    cursor: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Say of the last thirty days why one was told of something, or was not."""
    page = await service.ledger_page(db, viewer, cursor)
    return private(
        render(
            request,
            "notifications/why.html",
            viewer=viewer,
            lines=page.items,
            next_cursor=page.next_cursor,
            words=words,
        )
    )


@router.get("/{number}")
async def follow(db: Db, viewer: AccountViewer, number: int) -> Response:
    """Lead to what a notification tells of; its thread counts as read then."""
    return RedirectResponse(await service.follow(db, viewer, number), 303)


def _address(query: dict[str, str]) -> str:
    return "/notifications" + (f"?{urlencode(query)}" if query else "")


def private(page: Response) -> Response:
    """Let no cache keep a page of one's own."""
    page.headers["Cache-Control"] = "no-store"
    return page
