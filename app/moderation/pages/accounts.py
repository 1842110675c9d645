"""An account as moderators see it: what was done about it, and what may be done."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from app.accounts import service as accounts
from app.accounts.schemas import StandingKind
from app.comments import service as comments
from app.core.db import AsyncSession
from app.core.errors import AppError, NotFoundError
from app.core.http import Db, ModeratorViewer
from app.core.i18n import _
from app.core.security import Viewer
from app.moderation import policy, service
from app.moderation.pages.frame import LARGEST, see, show
from app.moderation.schemas import MAX_REASON, Penalty

router = APIRouter(prefix="/moderation")
Cursor = Annotated[int | None, Query(ge=1, le=LARGEST)]
ShortReason = Annotated[str, Field(max_length=MAX_REASON)]


class MeasureForm(BaseModel):
    """A penalty, and why."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    penalty: Penalty = Penalty.SILENCE
    days: Annotated[int, Field(ge=0, le=3650)] = 7
    reason: ShortReason = ""


class LiftForm(BaseModel):
    """What is lifted, and why."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    kind: StandingKind
    reason: ShortReason = ""


@router.get("/accounts/{name}")
async def account_page(
    request: Request, db: Db, viewer: ModeratorViewer, name: str, cursor: Cursor = None
) -> HTMLResponse:
    """Show what was done about an account, and the forms to do more."""
    return await _account_page(request, db, viewer, name, cursor=cursor)


async def _account_page(
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    name: str,
    *,
    cursor: int | None = None,
    problem: AppError | None = None,
) -> HTMLResponse:
    policy.require_moderator(viewer)
    account = await accounts.find_account(db, name)
    if account is None:
        raise NotFoundError(_("There is no such account."))
    page = await service.acts_against(db, viewer, account.id, cursor)
    return show(
        request,
        "moderation/account.html",
        viewer,
        problem=problem,
        account=account,
        standings=[one for one in await accounts.standings_of(db, account.id) if not one.is_over],
        is_newcomer=await comments.is_newcomer(db, account.id),
        acts=page.items,
        next_cursor=page.next_cursor,
    )


@router.post("/accounts/{name}/measure")
async def measure(
    request: Request,
    db: Db,
    viewer: ModeratorViewer,
    name: str,
    form: Annotated[MeasureForm, Form()],
) -> Response:
    """Silence or suspend somebody."""
    try:
        async with db.begin_nested():
            account_id = await service.person_id(db, name)
            await service.punish(
                db, viewer, account_id, form.penalty, form.days, reason=form.reason
            )
    except NotFoundError:
        raise
    except AppError as problem:
        db.expire_all()
        return await _account_page(request, db, viewer, name, problem=problem)
    return see(f"/moderation/accounts/{name}")


@router.post("/accounts/{name}/lift")
async def lift(
    request: Request, db: Db, viewer: ModeratorViewer, name: str, form: Annotated[LiftForm, Form()]
) -> Response:
    """End a measure before its time."""
    try:
        async with db.begin_nested():
            account_id = await service.person_id(db, name)
            await service.pardon(db, viewer, account_id, form.kind, form.reason)
    except NotFoundError:
        raise
    except AppError as problem:
        db.expire_all()
        return await _account_page(request, db, viewer, name, problem=problem)
    return see(f"/moderation/accounts/{name}")


@router.post("/accounts/{name}/purge")
async def purge(
    request: Request,
    db: Db,
    viewer: ModeratorViewer,
    name: str,
    form: Annotated[MeasureForm, Form()],
) -> Response:
    """Remove all of a spammer's."""
    try:
        async with db.begin_nested():
            await service.purge(db, viewer, await service.person_id(db, name), form.reason)
    except NotFoundError:
        raise
    except AppError as problem:
        db.expire_all()
        return await _account_page(request, db, viewer, name, problem=problem)
    return see(f"/moderation/accounts/{name}")


@router.post("/accounts/{name}/undo/{act_id}")
async def undo(
    request: Request,
    db: Db,
    viewer: ModeratorViewer,
    name: str,
    act_id: Annotated[int, Path(gt=0, le=LARGEST)],
) -> Response:
    """Take a purge back."""
    try:
        async with db.begin_nested():
            await service.undo(db, viewer, act_id)
    except NotFoundError:
        raise
    except AppError as problem:
        db.expire_all()
        return await _account_page(request, db, viewer, name, problem=problem)
    return see(f"/moderation/accounts/{name}")
