"""One's own reports and what became of them, and what was decided about oneself."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from app.accounts import service as accounts
from app.core.db import AsyncSession
from app.core.errors import AppError, NotFoundError
from app.core.http import AccountViewer, Anybody, Db, SiteSettings
from app.core.i18n import _
from app.core.security import Viewer
from app.moderation import service
from app.moderation.pages.frame import LARGEST, see, show
from app.moderation.schemas import MAX_WORDS

router = APIRouter()
_PAGE = 30
Cursor = Annotated[int | None, Query(ge=1, le=LARGEST)]
ActId = Annotated[int, Path(gt=0, le=LARGEST)]


class AppealForm(BaseModel):
    """Why a decision was wrong."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    words: Annotated[str, Field(max_length=MAX_WORDS)] = ""


@router.get("/settings/reports")
async def reports_page(
    request: Request, db: Db, viewer: AccountViewer, cursor: Cursor = None
) -> HTMLResponse:
    """Show what one reported, and what the moderators said."""
    page = await service.reports_by(db, viewer.require_user(), cursor, _PAGE)
    return show(
        request,
        "moderation/reports.html",
        viewer,
        reports=page.items,
        next_cursor=page.next_cursor,
    )


@router.get("/settings/standing")
async def standing_page(
    request: Request, db: Db, viewer: AccountViewer, cursor: Cursor = None
) -> HTMLResponse:
    """Show what was decided about oneself and what one wrote."""
    return await _standing(request, db, viewer, cursor)


async def _standing(
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    cursor: int | None = None,
    problem: AppError | None = None,
) -> HTMLResponse:
    user_id = viewer.require_user()
    page = await service.acts_against(db, viewer, user_id, cursor)
    standings = await accounts.standings_of(db, user_id)
    return show(
        request,
        "moderation/standing.html",
        viewer,
        problem=problem,
        standings=[one for one in standings if not one.is_over],
        acts=page.items,
        next_cursor=page.next_cursor,
    )


@router.post("/settings/standing/{act_id}/appeal")
async def appeal(
    request: Request,
    db: Db,
    viewer: AccountViewer,
    act_id: ActId,
    form: Annotated[AppealForm, Form()],
) -> Response:
    """Appeal against a decision."""
    try:
        async with db.begin_nested():
            await service.appeal(db, viewer.require_user(), act_id, form.words)
    except NotFoundError:
        raise
    except AppError as problem:
        db.expire_all()
        return await _standing(request, db, viewer, problem=problem)
    return see("/settings/standing?saved=1")


@router.get("/moderation/appeal/{act_id}/{key}")
async def appeal_page(
    request: Request, viewer: Anybody, settings: SiteSettings, act_id: ActId, key: str
) -> HTMLResponse:
    """Show the form to somebody who cannot sign in; the key came with the decision."""
    _check(settings.secret_key.get_secret_value(), act_id, key)
    return show(request, "moderation/appeal.html", viewer, form=AppealForm(), is_sent=False)


@router.post("/moderation/appeal/{act_id}/{key}")
async def appeal_by_key(  # noqa: PLR0913, PLR0917  # the key stands in for the person
    request: Request,
    db: Db,
    viewer: Anybody,
    settings: SiteSettings,
    act_id: ActId,
    key: str,
    form: Annotated[AppealForm, Form()],
) -> HTMLResponse:
    """Appeal without signing in."""
    _check(settings.secret_key.get_secret_value(), act_id, key)
    problem: AppError | None = None
    try:
        async with db.begin_nested():
            await service.appeal(db, None, act_id, form.words)
    except NotFoundError:
        raise
    except AppError as error:
        problem = error
    return show(
        request,
        "moderation/appeal.html",
        viewer,
        problem=problem,
        form=form,
        is_sent=problem is None,
    )


def _check(secret: str, act_id: int, key: str) -> None:
    if not service.fits(secret, act_id, key):
        raise NotFoundError(_("There is no such decision."))
