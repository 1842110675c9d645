"""Switches for parts of the site, and the modes of the whole."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from app.accounts import service as accounts
from app.admin import policy
from app.admin.pages.frame import Administrator, see, show
from app.admin.service import switches as service
from app.core.db import AsyncSession
from app.core.errors import InvalidError
from app.core.http import Db, runtime_of
from app.core.runtime import Flag, Mode, Rule, Way
from app.core.security import Viewer

router = APIRouter()


@router.get("/admin/switches")
async def switches_page(request: Request, db: Db, viewer: Administrator) -> HTMLResponse:
    """Show what is on, and for whom."""
    return await _page(request, db, viewer)


async def _page(
    request: Request, db: AsyncSession, viewer: Viewer, problem: InvalidError | None = None
) -> HTMLResponse:
    return show(
        request,
        "switches",
        viewer,
        problem=problem,
        rules=await service.rules(db),
        modes=await service.modes(db),
        all_modes=list(Mode),
        signup_open=runtime_of(request).base.signup_open,
    )


class RuleForm(BaseModel):
    """For whom a part of the site is on, as it is typed."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    way: Way
    percent: Annotated[int, Field(ge=0, le=100)] = 100
    people: Annotated[str, Field(max_length=20_000)] = ""

    def rule(self) -> Rule:
        """Return what was typed as a rule."""
        return Rule(self.way, self.percent, tuple(self.people.replace(",", " ").split()))


@router.post("/admin/switches/{flag}")
async def change(
    request: Request,
    db: Db,
    viewer: Administrator,
    flag: Flag,
    form: Annotated[RuleForm, Form()],
) -> Response:
    """Say for whom a part of the site is on."""
    accounts.require_confirmed(viewer)
    try:
        await service.set_flag(db, viewer.user_id, flag, form.rule())
    except InvalidError as problem:
        return await _page(request, db, viewer, problem)
    return see("/admin/switches?saved=1")


@router.post("/admin/modes/{mode}")
async def change_mode(  # what it takes
    request: Request,
    db: Db,
    viewer: Administrator,
    mode: Mode,
    on: Annotated[bool, Form()],
    confirm: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Put the whole site into a mode, or out of it."""
    try:
        # To open the site again needs no typing.
        policy.require_proof(viewer, confirm if on else mode.value, mode.value)
        await service.set_mode(db, viewer.user_id, mode, on=on)
    except InvalidError as problem:
        return await _page(request, db, viewer, problem)
    return see("/admin/switches?saved=1")
