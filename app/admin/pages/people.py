"""People: finding them, and what may be done to their accounts."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from app.accounts import service as accounts
from app.accounts.schemas import Site
from app.accounts.service import managing
from app.admin import policy
from app.admin.pages.frame import LARGEST, Administrator, see, show
from app.admin.service import people as service
from app.admin.service.people import Act
from app.core.db import AsyncSession
from app.core.errors import AppError, ConfirmationNeededError, NotFoundError
from app.core.http import Db, site_address, site_settings
from app.core.security import Viewer
from app.mail import service as mail

router = APIRouter()
Role = Literal["", "admin", "moderator", "suspended", "silenced"]


class ActForm(BaseModel):
    """What is to be done, and the name of the person typed once more."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    do: Act
    confirm: Annotated[str, Field(max_length=100)] = ""


@router.get("/admin/users")
async def people_page(  # what narrows a list
    request: Request,
    db: Db,
    viewer: Administrator,
    q: Annotated[str, Query(max_length=200)] = "",
    role: Role = "",
    cursor: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
) -> HTMLResponse:
    """List people, the newest first."""
    rows = await managing.find_people(db, q, role, cursor)
    shown = rows[: managing.PAGE]
    return show(
        request,
        "users",
        viewer,
        rows=shown,
        q=q,
        role=role,
        next_cursor=shown[-1].account.id if len(rows) > managing.PAGE else None,
    )


@router.get("/admin/users/{name}")
async def person_page(request: Request, db: Db, viewer: Administrator, name: str) -> HTMLResponse:
    """Show a person and what may be done."""
    return await _page(request, db, viewer, name)


async def _page(
    request: Request, db: AsyncSession, viewer: Viewer, name: str, problem: AppError | None = None
) -> HTMLResponse:
    found = await service.look_at(db, name)
    actors = {one.actor_id for one in found.acts if one.actor_id is not None}
    return show(
        request,
        "user",
        viewer,
        problem=problem,
        person=found,
        actors=await accounts.account_refs(db, actors),
    )


def site_of(request: Request) -> Site:
    """Return what letters need to know of this site."""
    settings = site_settings(request)
    key = settings.secret_key.get_secret_value()
    return Site(site_address(request), mail.is_on(settings), key=key)


@router.post("/admin/users/{name}/do")
async def act(
    request: Request, db: Db, viewer: Administrator, name: str, form: Annotated[ActForm, Form()]
) -> Response:
    """Do one thing to an account."""
    found = await service.person_named(db, name)
    try:
        actor_id = policy.require_proof(viewer, form.confirm, found.account.name)
        async with db.begin_nested():
            await service.act(db, actor_id, site_of(request), found.account.id, form.do)
    except (ConfirmationNeededError, NotFoundError):
        raise
    except AppError as problem:
        db.expire_all()
        return await _page(request, db, viewer, name, problem)
    return see(f"/admin/users/{name}?saved=1")


@router.post("/admin/users/{name}/export")
async def export(
    request: Request,
    db: Db,
    viewer: Administrator,
    name: str,
    confirm: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Send what the site keeps of a person, as they would get it themselves."""
    found = await service.person_named(db, name)
    try:
        actor_id = policy.require_proof(viewer, confirm, found.account.name)
    except ConfirmationNeededError:
        raise
    except AppError as problem:
        return await _page(request, db, viewer, name, problem)
    await service.note_export(db, actor_id, found.account.id)
    stack = AsyncExitStack()
    file = await stack.enter_async_context(accounts.personal_archive(db, found.account.id))

    async def parts() -> AsyncIterator[bytes]:
        async with stack:
            async for part in accounts.parts_of(file):
                yield part

    headers = {
        "Content-Disposition": f'attachment; filename="{found.account.name}.zip"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(parts(), headers=headers, media_type="application/zip")
