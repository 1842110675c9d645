"""The commits and the changes of a pull request, and deciding about its conflicts."""

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup

from app.core.errors import AppError, InvalidError, NotFoundError
from app.core.http import Db
from app.core.i18n import _
from app.core.markdown import render_markdown
from app.discussions import service
from app.discussions.pages.opening import ReadRoom, Room, WriteRoom, see
from app.discussions.pages.showing import frame_of
from app.hub import policy as hub_policy

router = APIRouter()


async def _pull(room: Room, num: int) -> dict[str, Any]:
    await hub_policy.require_files(room.db, room.viewer, room.repository)
    frame = await frame_of(room, num)
    if not frame["found"].is_pull_request:
        raise NotFoundError(_("This is a discussion; it has no files."))
    return frame


@router.get("/discussions/{num}/commits")
async def commits(room: ReadRoom, num: int) -> HTMLResponse:
    """List the commits of a pull request."""
    return room.show("discussions/commits.html", **await _pull(room, num))


@router.get("/discussions/{num}/files")
async def files(room: ReadRoom, num: int) -> HTMLResponse:
    """Show what a pull request changes: the card, configurations, lines, large files."""
    frame = await _pull(room, num)
    found = await service.review(room.db, room.storage, room.repository, frame["changes"])
    cards: tuple[Markup, Markup] | None = None
    if found.card is not None and found.card.before != found.card.after:
        texts = (found.card.before, found.card.after)
        cards = await asyncio.to_thread(_drawn, room, *texts)
    return room.show("discussions/files.html", review=found, cards=cards, **frame)


def _drawn(room: Room, before: str, after: str) -> tuple[Markup, Markup]:
    return render_markdown(before, room.links), render_markdown(after, room.links)


@router.get("/discussions/{num}/resolve")
async def resolve_page(room: WriteRoom, num: int) -> HTMLResponse:
    """Ask for each file that conflicts which content it shall have."""
    return await _resolve_form(room, num)


async def _resolve_form(
    room: Room, num: int, problem: AppError | None = None, typed: Mapping[str, str] | None = None
) -> HTMLResponse:
    await service.require_update(room.db, room.viewer, room.repository, num)
    conflicts = await service.open_conflicts(room.db, room.storage, room.repository, num)
    frame = await frame_of(room, num)
    return room.show(
        "discussions/resolve.html",
        problem=problem,
        conflicts=conflicts,
        typed=typed or {},
        **frame,
    )


@router.post("/discussions/{num}/resolve")
async def resolve(request: Request, db: Db, room: WriteRoom, num: int) -> Response:
    """Commit `main` to the pull request, with what was decided."""
    typed = {name: str(value) for name, value in (await request.form()).items()}
    try:
        async with db.begin_nested():
            await service.update_from_main(
                db, room.storage, room.viewer, room.repository, num, _choices(typed)
            )
    except AppError as problem:
        await room.renew()
        return await _resolve_form(room, num, problem, typed)
    return see(f"{room.url}/{num}")


def _choices(typed: Mapping[str, str]) -> dict[str, service.Choice]:
    """Read `side:PATH` and `text:PATH`."""
    found = {}
    for name, value in typed.items():
        kind, _colon, path = name.partition(":")
        if kind != "side" or not value:
            continue
        if value not in {*service.Side}:
            raise InvalidError(_("Decide about %(path)s first.") % {"path": path})
        found[path] = service.Choice(service.Side(value), typed.get(f"text:{path}", ""))
    return found
