"""The page where people prove once more who they are, before a dangerous act."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from app.accounts import service
from app.accounts.pages.forms import FORM_PROBLEMS, ConfirmForm, form_page, see, site_of
from app.accounts.schemas import Site
from app.core import http, rate_limit
from app.core.db import AsyncSession
from app.core.errors import AppError
from app.core.http import AccountViewer, Db
from app.core.local_url import local_path
from app.core.rate_limit import Limit
from app.core.security import Viewer

router = APIRouter()

CONFIRM_BY_PERSON = Limit("confirm_person", hits=10, per_s=300)


@router.get("/confirm")
async def confirm_page(
    request: Request,
    db: Db,
    viewer: AccountViewer,
    next_path: Annotated[str, Query(alias="next")] = "/settings",
) -> Response:
    """Show the ways in which this person can prove who they are."""
    return await _page(request, db, viewer, local_path(next_path))


@router.post("/confirm")
async def confirm(
    request: Request, db: Db, viewer: AccountViewer, form: Annotated[ConfirmForm, Form()]
) -> Response:
    """Accept the password or a code, and go back to what the person wanted to do."""
    next_path = local_path(form.next_path)
    subject = str(viewer.require_user())
    await rate_limit.take(http.database(request), CONFIRM_BY_PERSON, subject)
    try:
        await _prove(db, site_of(request), viewer, form)
    except FORM_PROBLEMS as problem:
        return await _page(request, db, viewer, next_path, problem)
    await rate_limit.give_back(http.database(request), CONFIRM_BY_PERSON, subject)
    return see(next_path)


async def _prove(db: AsyncSession, site: Site, viewer: Viewer, form: ConfirmForm) -> None:
    if form.code:
        await service.confirm_by_code(db, site, viewer, form.code)
    else:
        await service.confirm_by_password(db, viewer, form.password)


async def _page(
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    next_path: str,
    problem: AppError | None = None,
) -> Response:
    user_id = viewer.require_user()
    return form_page(
        request,
        "accounts/confirm.html",
        viewer,
        problem,
        next_path=next_path,
        person=await service.person(db, user_id),
        factors=await service.factors_of(db, user_id),
    )
