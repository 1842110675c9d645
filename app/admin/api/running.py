"""How the site stands, and what is switched on."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.admin import policy
from app.admin.service import overview as looking
from app.admin.service import switches as service
from app.core import runtime
from app.core.http import AdminViewer, Db, runtime_of
from app.core.runtime import Announcement, Audience, Flag, Mode, Rule, Tone, Way

router = APIRouter()
_LARGEST = (1 << 63) - 1


class ValueIn(BaseModel):
    """What a setting is to be, as a text."""

    model_config = ConfigDict(extra="forbid")
    value: Annotated[str, Field(max_length=5000)]


class RuleIn(BaseModel):
    """For whom a part of the site is on."""

    model_config = ConfigDict(extra="forbid")
    way: Way
    percent: Annotated[int, Field(ge=0, le=100)] = 100
    people: Annotated[list[str], Field(max_length=500)] = []


class ModeIn(BaseModel):
    """Whether the site is in a mode; `confirm` repeats its name to begin it."""

    model_config = ConfigDict(extra="forbid")
    on: bool
    confirm: str = ""


class AnnouncementIn(BaseModel):
    """Words for every page."""

    model_config = ConfigDict(extra="forbid")
    text_en: Annotated[str, Field(max_length=5000)] = ""
    text_zh: Annotated[str, Field(max_length=5000)] = ""
    tone: Tone = Tone.INFO
    audience: Audience = Audience.EVERYBODY
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    is_dismissible: bool = True


class AnnouncementOut(AnnouncementIn):
    """An announcement as it is kept."""

    id: int


def _announcement(one: Announcement) -> AnnouncementOut:
    return AnnouncementOut.model_validate(
        {name: getattr(one, name) for name in AnnouncementOut.model_fields}
    )


@router.get("/overview")
async def overview(db: Db, viewer: AdminViewer) -> dict[str, Any]:
    """Tell how every part of the site stands and since when, and what happened today."""
    return asdict(await looking.overview(db, viewer))


@router.get("/settings")
async def list_settings(request: Request, db: Db, _viewer: AdminViewer) -> list[dict[str, Any]]:
    """List the settings that can be changed while the site runs."""
    current = runtime_of(request)
    rows = await service.settings_now(db, current.base, current.settings)
    return [asdict(row) for row in rows]


@router.put("/settings/{name}")
async def set_setting(
    request: Request, db: Db, viewer: AdminViewer, name: str, body: ValueIn
) -> dict[str, bool]:
    """Change a setting in every process."""
    base = runtime_of(request).base
    return {"changed": await service.set_setting(db, viewer.user_id, base, name, body.value)}


@router.delete("/settings/{name}")
async def reset_setting(db: Db, viewer: AdminViewer, name: str) -> dict[str, bool]:
    """Let the environment decide about a setting again."""
    return {"changed": await service.reset_setting(db, viewer.user_id, name)}


@router.get("/changes")
async def list_changes(
    db: Db,
    _viewer: AdminViewer,
    name: str = "",
    before: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
) -> list[dict[str, Any]]:
    """List what was changed, the newest first; null is the default."""
    return [
        {
            "id": row.id,
            "name": row.name,
            "before": row.before,
            "after": row.after,
            "changed_by_id": row.changed_by_id,
            "changed_at": row.changed_at,
        }
        for row in await runtime.changes(db, name, before)
    ]


@router.get("/flags")
async def list_flags(db: Db, _viewer: AdminViewer) -> dict[str, dict[str, Any]]:
    """Tell for whom each part of the site is on."""
    return {flag.value: rule.stored() for flag, rule in (await service.rules(db)).items()}


@router.put("/flags/{flag}")
async def set_flag(db: Db, viewer: AdminViewer, flag: Flag, body: RuleIn) -> dict[str, bool]:
    """Say for whom a part of the site is on."""
    rule = Rule(body.way, body.percent, tuple(body.people))
    return {"changed": await service.set_flag(db, viewer.user_id, flag, rule)}


@router.get("/modes")
async def list_modes(db: Db, _viewer: AdminViewer) -> dict[str, datetime | None]:
    """Tell since when the site is in each mode; null is not."""
    found = await service.modes(db)
    return {mode.value: found.get(mode) for mode in Mode}


@router.put("/modes/{mode}")
async def set_mode(db: Db, viewer: AdminViewer, mode: Mode, body: ModeIn) -> dict[str, bool]:
    """Put the whole site into a mode, or out of it."""
    policy.require_proof(viewer, body.confirm if body.on else mode.value, mode.value)
    return {"changed": await service.set_mode(db, viewer.user_id, mode, on=body.on)}


@router.get("/announcements")
async def list_announcements(db: Db, _viewer: AdminViewer) -> list[AnnouncementOut]:
    """List announcements, the newest first."""
    return [_announcement(one) for one in await service.announcements(db)]


@router.post("/announcements", status_code=201)
async def announce(db: Db, viewer: AdminViewer, body: AnnouncementIn) -> AnnouncementOut:
    """Put words on every page of those they are for."""
    made = await service.announce(db, viewer.user_id, service.new_announcement(**body.model_dump()))
    return _announcement(made)


@router.delete("/announcements/{number}", status_code=204, response_class=Response)
async def withdraw(
    db: Db, viewer: AdminViewer, number: Annotated[int, Path(ge=1, le=_LARGEST)]
) -> None:
    """Take an announcement away."""
    await service.withdraw(db, viewer.user_id, number)
