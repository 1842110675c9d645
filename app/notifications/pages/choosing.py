"""Watching and muting: a page of its own, and the same as a part of other pages."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.core.http import AccountViewer, Db
from app.core.local_url import local_path
from app.core.templating import render
from app.notifications import service
from app.notifications.schemas import Level
from app.notifications.service import words

router = APIRouter(prefix="/notifications/choice")
Name = Annotated[str, Query(max_length=60)]
Address = Annotated[str, Query(max_length=2000)]


@router.get("")
async def show(
    request: Request, db: Db, viewer: AccountViewer, target: Name, back: Address = ""
) -> Response:
    """Show what one said about a thing; a page that asks with htmx gets the part alone."""
    found = await service.place(db, viewer, service.parse_target(target))
    is_part = request.headers.get("hx-request") == "true"
    page = render(
        request,
        "notifications/_choice.html" if is_part else "notifications/choice.html",
        viewer=viewer,
        place=found,
        back=local_path(back, found.address),
        words=words,
        levels=[None, *Level],
    )
    page.headers["Cache-Control"] = "no-store"
    page.headers["Vary"] = "HX-Request"
    return page


@router.post("")
async def say(
    db: Db,
    viewer: AccountViewer,
    target: Annotated[str, Form(max_length=60)],
    level: Annotated[str, Form(max_length=10)] = "",
    back: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Watch a thing, mute it, or neither."""
    wanted = Level(level) if level in set(Level) else None
    found = await service.say(db, viewer, service.parse_target(target), wanted)
    return RedirectResponse(local_path(back, found.address), 303)
