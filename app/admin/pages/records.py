"""The audit log and the letters of the site."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from app.accounts import service as accounts
from app.admin.pages.frame import LARGEST, Administrator, see, show
from app.admin.service import records as service
from app.core import audit
from app.core.errors import AppError, InvalidError, NotFoundError
from app.core.http import Db, database, site_address, site_settings
from app.mail.schemas import LetterState

router = APIRouter()
Cursor = Annotated[int | None, Query(ge=1, le=LARGEST)]
Word = Annotated[str, Query(max_length=200)]


@router.get("/admin/audit")
async def audit_page(  # noqa: PLR0913, PLR0917  # what narrows the log
    request: Request,
    db: Db,
    viewer: Administrator,
    who: Word = "",
    action: Word = "",
    target: Word = "",
    cursor: Cursor = None,
) -> HTMLResponse:
    """Show what was done, the newest first, by whom, of which kind, to what."""
    rows = await service.entries(db, who, action, target, cursor)
    shown = rows[: audit.PAGE]
    actors = {row.actor_id for row in shown if row.actor_id is not None}
    return show(
        request,
        "audit",
        viewer,
        rows=shown,
        who=who,
        action=action,
        target=target,
        actors=await accounts.account_refs(db, actors),
        next_cursor=shown[-1].id if len(rows) > audit.PAGE else None,
        verdict=None,
    )


@router.post("/admin/audit/verify")
async def verify(request: Request, db: Db, viewer: Administrator) -> HTMLResponse:
    """Check the chain, and say where it breaks."""
    return show(
        request,
        "audit",
        viewer,
        rows=[],
        who="",
        action="",
        target="",
        actors={},
        next_cursor=None,
        verdict=await audit.verify(db),
    )


@router.get("/admin/audit/export.{kind}")
async def export(  # what narrows the log
    request: Request,
    viewer: Administrator,
    kind: Literal["csv", "json"],
    who: Word = "",
    action: Word = "",
    target: Word = "",
) -> StreamingResponse:
    """Send the log, narrowed in the same way, as CSV or as a JSON object a line."""
    del viewer

    async def parts() -> AsyncIterator[str]:
        async for part in service.export(database(request), kind, who, action, target):
            yield part

    return StreamingResponse(
        parts(),
        media_type="text/csv; charset=utf-8" if kind == "csv" else "application/x-ndjson",
        headers={
            "Content-Disposition": f'attachment; filename="audit.{kind}"',
            "Cache-Control": "no-store",
        },
    )


@router.get("/admin/mail")
async def mail_page(
    request: Request,
    db: Db,
    viewer: Administrator,
    state: Annotated[LetterState | Literal[""], Query()] = "",
    cursor: Cursor = None,
) -> HTMLResponse:
    """Show letters and how far each came, and which addresses take none."""
    return show(
        request, "mail", viewer, **await service.letters(db, site_settings(request), state, cursor)
    )


@router.post("/admin/mail/{letter_id}/again")
async def send_again(
    db: Db, viewer: Administrator, letter_id: Annotated[int, Path(ge=1, le=LARGEST)]
) -> Response:
    """Try a letter again at once."""
    await service.send_again(db, viewer.user_id, letter_id)
    return see("/admin/mail?saved=1")


@router.post("/admin/mail/test")
async def send_test(
    request: Request,
    db: Db,
    viewer: Administrator,
    address: Annotated[str, Form(max_length=320)],
) -> Response:
    """Hand in a test letter."""
    try:
        await service.send_test(db, viewer.user_id, address, site_address(request))
    except InvalidError as problem:
        found = await service.letters(db, site_settings(request), "", None)
        return show(request, "mail", viewer, problem=problem, **found)
    return see("/admin/mail?saved=1")


@router.post("/admin/mail/lift")
async def lift(
    request: Request,
    db: Db,
    viewer: Administrator,
    address: Annotated[str, Form(max_length=320)],
) -> Response:
    """Let letters go to an address again."""
    try:
        await service.lift_suppression(db, viewer.user_id, address)
    except NotFoundError:
        raise
    except AppError as problem:
        found = await service.letters(db, site_settings(request), "", None)
        return show(request, "mail", viewer, problem=problem, **found)
    return see("/admin/mail?saved=1")
