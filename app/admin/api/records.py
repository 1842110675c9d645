"""The audit log and the letters of the site."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from app.admin.service import records as service
from app.core import audit
from app.core.http import AdminViewer, Db, site_address
from app.mail import service as mail
from app.mail.schemas import LetterState

router = APIRouter()
_LARGEST = (1 << 63) - 1
Before = Annotated[int | None, Query(ge=1, le=_LARGEST)]


class AddressIn(BaseModel):
    """An e-mail address."""

    model_config = ConfigDict(extra="forbid")
    address: Annotated[str, Field(max_length=320)]


@router.get("/audit")
async def list_entries(  # what narrows the log
    db: Db,
    _viewer: AdminViewer,
    who: str = "",
    action: str = "",
    target: str = "",
    before: Before = None,
) -> list[dict[str, Any]]:
    """List what was done, the newest first; `action` may be a scope, as `users`."""
    rows = await service.entries(db, who, action, target, before)
    return [
        {
            "id": row.id,
            "created_at": row.created_at,
            "actor_id": row.actor_id,
            "action": row.action,
            "target": row.target,
            "before": row.before,
            "after": row.after,
            "hash": (row.hash or b"").hex(),
        }
        for row in rows[: audit.PAGE]
    ]


@router.get("/audit/verdict")
async def verdict(db: Db, _viewer: AdminViewer) -> dict[str, Any]:
    """Check the chain of the log; `broken_at` is null where it holds."""
    return asdict(await audit.verify(db))


@router.get("/mail")
async def list_letters(
    db: Db, _viewer: AdminViewer, state: LetterState | None = None, before: Before = None
) -> list[dict[str, Any]]:
    """List letters without their words, the newest first."""
    return [
        {
            "id": row.id,
            "recipient": row.recipient,
            "kind": row.kind,
            "state": row.state,
            "attempts": row.attempts,
            "last_error": row.last_error,
            "created_at": row.created_at,
            "sent_at": row.sent_at,
        }
        for row in await mail.letters_page(db, state, before)
    ]


@router.post("/mail/test", status_code=202)
async def send_test(
    request: Request, db: Db, viewer: AdminViewer, body: AddressIn
) -> dict[str, bool]:
    """Hand in a test letter."""
    await service.send_test(db, viewer.user_id, body.address, site_address(request))
    return {"queued": True}


@router.post("/mail/{letter_id}/again", status_code=202)
async def send_again(
    db: Db, viewer: AdminViewer, letter_id: Annotated[int, Path(ge=1, le=_LARGEST)]
) -> dict[str, bool]:
    """Try a letter again at once."""
    await service.send_again(db, viewer.user_id, letter_id)
    return {"queued": True}


@router.post("/mail/lift")
async def lift(db: Db, viewer: AdminViewer, body: AddressIn) -> dict[str, bool]:
    """Let letters go to an address again."""
    await service.lift_suppression(db, viewer.user_id, body.address)
    return {"lifted": True}
