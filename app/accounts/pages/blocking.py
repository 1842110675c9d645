"""Whom one wants to hear nothing from."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from app.accounts import service
from app.accounts.pages.forms import FORM_PROBLEMS, NameForm, form_page, see
from app.core.db import AsyncSession
from app.core.errors import AppError, NotFoundError
from app.core.http import AccountViewer, Db
from app.core.security import Viewer

router = APIRouter()


@router.get("/settings/blocked")
async def blocked_page(request: Request, db: Db, viewer: AccountViewer) -> Response:
    """List whom the person blocks, with a form to block somebody."""
    return await _page(request, db, viewer, NameForm())


@router.post("/settings/blocked")
async def block(
    request: Request, db: Db, viewer: AccountViewer, form: Annotated[NameForm, Form()]
) -> Response:
    """Hear nothing more from somebody."""
    try:
        await service.block(db, viewer.require_user(), form.name)
    except (*FORM_PROBLEMS, NotFoundError) as problem:
        return await _page(request, db, viewer, form, problem)
    return see("/settings/blocked?saved=1")


@router.post("/settings/blocked/remove")
async def unblock(
    request: Request, db: Db, viewer: AccountViewer, form: Annotated[NameForm, Form()]
) -> Response:
    """Take a block back."""
    try:
        await service.unblock(db, viewer.require_user(), form.name)
    except (*FORM_PROBLEMS, NotFoundError) as problem:
        return await _page(request, db, viewer, form, problem)
    return see("/settings/blocked?saved=1")


async def _page(
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    form: NameForm,
    problem: AppError | None = None,
) -> Response:
    found = await service.blocked_by(db, viewer.require_user())
    return form_page(request, "accounts/blocked.html", viewer, problem, form=form, people=found)
