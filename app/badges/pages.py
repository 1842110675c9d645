"""Badges in the browser: all of them, who has one, and those of a person."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.badges import service, words
from app.badges.schemas import Metal
from app.core.http import Anybody, Db
from app.core.templating import render

router = APIRouter(include_in_schema=False)


@router.get("/badges")
async def badges_page(request: Request, db: Db, viewer: Anybody) -> HTMLResponse:
    """Show every badge."""
    return render(
        request,
        "badges/list.html",
        viewer=viewer,
        badges=await service.list_badges(db),
        metals=list(Metal),
        words=words,
    )


@router.get("/badges/of/{name}")
async def badges_of_person(request: Request, db: Db, viewer: Anybody, name: str) -> HTMLResponse:
    """Show the badges of a person; a profile's page fetches the part alone."""
    is_part = request.headers.get("hx-request") == "true"
    return render(
        request,
        "badges/_of_person.html" if is_part else "badges/of_person.html",
        viewer=viewer,
        awards=await service.badges_of(db, name),
        name=name,
        words=words,
    )


@router.get("/badges/{name}")
async def badge_page(
    request: Request,
    db: Db,
    viewer: Anybody,
    name: str,
    cursor: Annotated[int | None, Query(gt=0, lt=1 << 63)] = None,
) -> HTMLResponse:
    """Show who has a badge."""
    badge = service.find_badge(name)
    page = await service.holders(db, badge, cursor)
    return render(
        request,
        "badges/show.html",
        viewer=viewer,
        badge=words.view(badge),
        holders=page.items,
        next_cursor=page.next_cursor,
        words=words,
    )
