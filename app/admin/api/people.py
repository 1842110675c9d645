"""People and their accounts."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict

from app.accounts.schemas import Site
from app.accounts.service import managing
from app.admin import policy
from app.admin.service import people as service
from app.admin.service.people import Act
from app.core.http import AdminViewer, Db, site_address, site_settings
from app.mail import service as mail

router = APIRouter()
_LARGEST = (1 << 63) - 1


class PersonOut(BaseModel):
    """A person as administrators see them in a list."""

    id: int
    name: str
    email: str
    joined_at: datetime
    is_admin: bool
    is_moderator: bool
    is_silenced: bool
    is_suspended: bool


class ActIn(BaseModel):
    """What is to be done; `confirm` repeats the person's name."""

    model_config = ConfigDict(extra="forbid")
    do: Act
    confirm: str = ""


@router.get("/users")
async def list_people(
    db: Db,
    _viewer: AdminViewer,
    q: Annotated[str, Query(max_length=200)] = "",
    role: Annotated[str, Query(pattern="^(admin|moderator|suspended|silenced)?$")] = "",
    before: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
) -> list[PersonOut]:
    """List people, the newest first; `before` is the last id of the page before."""
    rows = (await managing.find_people(db, q, role, before))[: managing.PAGE]
    return [_person(row) for row in rows]


def _person(row: Any) -> PersonOut:
    return PersonOut(
        id=row.account.id,
        name=row.account.name,
        email=row.user.email,
        joined_at=row.account.created_at,
        is_admin=row.user.is_admin,
        is_moderator=row.user.is_moderator,
        is_silenced=row.user.is_silenced,
        is_suspended=row.user.is_suspended,
    )


@router.get("/users/{name}")
async def get_person(db: Db, _viewer: AdminViewer, name: str) -> dict[str, Any]:
    """Tell what administrators know of a person; no credential is among it."""
    found = await service.look_at(db, name)
    return {
        **_person(found.found).model_dump(),
        "num_sessions": len(found.sessions),
        "tokens": [
            {"id": one.id, "name": one.name, "scopes": one.scopes, "expires_at": one.expires_at}
            for one in found.tokens
        ],
        "second_factor": found.factors.any,
        "standings": [
            {"kind": one.kind, "reason": one.reason, "until": one.until} for one in found.standings
        ],
    }


@router.post("/users/{name}/act")
async def act(
    request: Request, db: Db, viewer: AdminViewer, name: str, body: ActIn
) -> dict[str, bool]:
    """Do one thing to an account; silencing and suspending is for moderation."""
    found = await service.person_named(db, name)
    actor_id = policy.require_proof(viewer, body.confirm, found.account.name)
    settings = site_settings(request)
    key = settings.secret_key.get_secret_value()
    site = Site(site_address(request), mail.is_on(settings), key=key)
    return {"changed": await service.act(db, actor_id, site, found.account.id, body.do)}
