"""Settings that hold while the site runs."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from app.accounts import service as accounts
from app.admin.pages.frame import LARGEST, Administrator, see, show
from app.admin.service import switches as service
from app.core import runtime
from app.core.db import AsyncSession
from app.core.errors import ConfirmationNeededError, InvalidError
from app.core.http import Db, runtime_of
from app.core.security import Viewer

router = APIRouter()
_PAGE = 50


@router.get("/admin/settings")
async def settings_page(request: Request, db: Db, viewer: Administrator) -> HTMLResponse:
    """Show every setting that can be changed here, and how it differs from its default."""
    return await _page(request, db, viewer)


async def _page(
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    problem: InvalidError | None = None,
    typed: tuple[str, str] = ("", ""),
) -> HTMLResponse:
    current = runtime_of(request)
    rows = await service.settings_now(db, current.base, current.settings)
    return show(
        request,
        "settings",
        viewer,
        problem=problem,
        families=list(dict.fromkeys(row.family for row in rows)),
        rows=rows,
        num_changed=sum(row.is_changed for row in rows),
        typed=typed,
    )


@router.post("/admin/settings/{name}")
async def change(
    request: Request,
    db: Db,
    viewer: Administrator,
    name: str,
    value: Annotated[str, Form(max_length=5000)] = "",
    do: Annotated[str, Form()] = "set",
) -> Response:
    """Change a setting, or let the environment decide again."""
    accounts.require_confirmed(viewer)
    try:
        async with db.begin_nested():
            if do == "reset":
                await service.reset_setting(db, viewer.user_id, name)
            else:
                base = runtime_of(request).base
                await service.set_setting(db, viewer.user_id, base, name, value)
    except ConfirmationNeededError:
        raise
    except InvalidError as problem:
        return await _page(request, db, viewer, problem, typed=(name, value))
    return see(f"/admin/settings?saved={name}#{name}")


@router.get("/admin/settings/history")
async def history(
    request: Request,
    db: Db,
    viewer: Administrator,
    name: str = "",
    cursor: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
) -> HTMLResponse:
    """Show what was changed, by whom and when."""
    rows = await runtime.changes(db, name, cursor, _PAGE + 1)
    shown = rows[:_PAGE]
    names = {row.changed_by_id for row in shown if row.changed_by_id is not None}
    return show(
        request,
        "history",
        viewer,
        rows=shown,
        name=name,
        people=await accounts.account_refs(db, names),
        next_cursor=shown[-1].id if len(rows) > _PAGE else None,
    )
