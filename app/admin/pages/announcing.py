"""Words on every page: writing them, and putting them away."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from app.admin.pages.frame import LARGEST, Administrator, see, show
from app.admin.service import switches as service
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import Detail, InvalidError
from app.core.http import Anybody, Db, runtime_of
from app.core.i18n import _
from app.core.local_url import local_path
from app.core.runtime import Audience, Tone
from app.core.security import Viewer

router = APIRouter()
_YEAR_S = 365 * 24 * 3600
_MOST_DISMISSED = 50
Number = Annotated[int, Path(ge=1, le=LARGEST)]


class AnnouncementForm(BaseModel):
    """An announcement as it is typed; times are UTC."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    tone: Tone = Tone.INFO
    audience: Audience = Audience.EVERYBODY
    text_en: Annotated[str, Field(max_length=5000)] = ""
    text_zh: Annotated[str, Field(max_length=5000)] = ""
    starts_at: Annotated[str, Field(max_length=40)] = ""
    ends_at: Annotated[str, Field(max_length=40)] = ""
    is_dismissible: bool = False


@router.get("/admin/announcements")
async def announcements_page(request: Request, db: Db, viewer: Administrator) -> HTMLResponse:
    """Show what was announced, and the form for more."""
    return await _page(request, db, viewer, AnnouncementForm(is_dismissible=True))


async def _page(
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    form: AnnouncementForm,
    problem: InvalidError | None = None,
) -> HTMLResponse:
    return show(
        request,
        "announcements",
        viewer,
        problem=problem,
        form=form,
        rows=await service.announcements(db),
        moment=now(),
    )


@router.post("/admin/announcements")
async def announce(
    request: Request, db: Db, viewer: Administrator, form: Annotated[AnnouncementForm, Form()]
) -> Response:
    """Put words on every page of those they are for."""
    try:
        async with db.begin_nested():
            new = service.new_announcement(
                form.text_en,
                form.text_zh,
                tone=form.tone,
                audience=form.audience,
                starts_at=_moment("starts_at", form.starts_at),
                ends_at=_moment("ends_at", form.ends_at),
                is_dismissible=form.is_dismissible,
            )
            await service.announce(db, viewer.user_id, new)
    except InvalidError as problem:
        return await _page(request, db, viewer, form, problem)
    return see("/admin/announcements?saved=1")


def _moment(name: str, text: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        problem = _("Write a time as 2026-01-31T18:00, in UTC.")
        raise InvalidError(problem, details=[Detail(name, problem)]) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@router.post("/admin/announcements/{number}/withdraw")
async def withdraw(db: Db, viewer: Administrator, number: Number) -> Response:
    """Take an announcement away."""
    await service.withdraw(db, viewer.user_id, number)
    return see("/admin/announcements?saved=1")


@router.post("/announcements/{number}/dismiss")
async def dismiss(
    request: Request,
    viewer: Anybody,
    number: Number,
    next_path: Annotated[str, Form(alias="next", max_length=2000)] = "/",
) -> Response:
    """Show an announcement in this browser no more."""
    living = {str(one.id) for one in runtime_of(request).shown(viewer, "")}
    earlier = request.cookies.get("dismissed", "").split(".")
    kept = [one for one in earlier if one in living and one != str(number)]
    response = see(local_path(next_path))
    response.set_cookie(
        "dismissed",
        ".".join([*kept[-_MOST_DISMISSED:], str(number)]),
        max_age=_YEAR_S,
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response
