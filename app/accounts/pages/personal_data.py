"""What the site keeps of a person: taking a copy of it, and leaving."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import StreamingResponse

from app.accounts import service
from app.accounts.pages.forms import (
    FORM_PROBLEMS,
    NameForm,
    TokenOnlyForm,
    form_page,
    see,
    site_of,
)
from app.accounts.schemas import LinkPurpose
from app.core import http, rate_limit
from app.core.db import AsyncSession
from app.core.errors import AppError
from app.core.http import AccountViewer, Anybody, Db
from app.core.rate_limit import Limit
from app.core.security import Viewer

router = APIRouter()

EXPORT_BY_PERSON = Limit("personal_export", hits=5, per_s=3600)


@router.get("/settings/data")
async def data_page(request: Request, db: Db, viewer: AccountViewer) -> Response:
    """Show how to take a copy, and how to leave."""
    return await _page(request, db, viewer)


@router.post("/settings/data/export")
async def export(request: Request, db: Db, viewer: AccountViewer) -> Response:
    """Send everything the site keeps of the person as one zip."""
    user_id = service.require_confirmed(viewer)
    await rate_limit.take(http.database(request), EXPORT_BY_PERSON, str(user_id))
    stack = AsyncExitStack()
    file = await stack.enter_async_context(service.personal_archive(db, user_id))

    async def parts() -> AsyncIterator[bytes]:
        async with stack:
            async for part in service.parts_of(file):
                yield part

    headers = {
        "Content-Disposition": f'attachment; filename="{viewer.name}.zip"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(parts(), headers=headers, media_type="application/zip")


@router.post("/settings/data/erase")
async def erase(
    request: Request, db: Db, viewer: AccountViewer, form: Annotated[NameForm, Form()]
) -> Response:
    """Begin the week after which the person is forgotten."""
    user_id = service.require_confirmed(viewer)
    try:
        await service.ask_to_erase(db, site_of(request), user_id, form.name)
    except FORM_PROBLEMS as problem:
        return await _page(request, db, viewer, problem)
    return see("/settings/data")


@router.post("/settings/data/keep")
async def keep(db: Db, viewer: AccountViewer) -> Response:
    """Change one's mind."""
    await service.keep_account(db, viewer.require_user())
    return see("/settings/data?saved=1")


@router.get("/keep-account")
async def keep_page(request: Request, db: Db, viewer: Anybody, token: str = "") -> Response:
    """Ask for a click: programs that look at letters open links too."""
    await service.check_link(db, LinkPurpose.KEEP_ACCOUNT, token)
    return form_page(request, "accounts/keep.html", viewer, token=token)


@router.post("/keep-account")
async def keep_by_link(db: Db, viewer: Anybody, form: Annotated[TokenOnlyForm, Form()]) -> Response:
    """Change one's mind with the link of the letter."""
    await service.keep_account_by_link(db, form.token)
    return see("/settings/data?saved=1" if viewer.is_signed_in else "/login")


async def _page(
    request: Request, db: AsyncSession, viewer: Viewer, problem: AppError | None = None
) -> Response:
    person = await service.person(db, viewer.require_user())
    return form_page(
        request,
        "accounts/personal_data.html",
        viewer,
        problem,
        person=person,
        leaves=service.leaves_at(person.user),
    )
