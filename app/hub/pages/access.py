"""Liking a repository, and its gate: asking to be let in, and the owner's answers."""

from collections.abc import Coroutine
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from app.core.errors import AppError
from app.core.http import Db, RepoWriter
from app.core.security import Viewer
from app.hub.pages.opening import Managed, Readable, at_both, see, show
from app.hub.schemas import AccessStatus
from app.hub.service import access, popularity
from app.hub.service.frames import Frame

router = APIRouter(include_in_schema=False)
Gate = Annotated[Literal["", "auto", "manual"], Form()]
Answer = Annotated[Literal["accepted", "rejected"], Form()]
Word = Annotated[str, Form(max_length=1000)]


@at_both(router, "/like", "POST")
async def like(
    db: Db, viewer: RepoWriter, at: Readable, wanted: Annotated[Literal["yes", "no"], Form()]
) -> Response:
    """Like a repository, or take the like back."""
    if wanted == "yes":
        await popularity.like(db, viewer, at.repository)
    else:
        await popularity.unlike(db, viewer, at.repository)
    return see(at.url)


@at_both(router, "/ask-access", "POST")
async def ask(request: Request, db: Db, viewer: RepoWriter, at: Readable) -> Response:
    """Agree to the conditions of a gated repository, or ask its owner to be let in."""
    form = await request.form(max_fields=100)
    given = {
        name.removeprefix("field:"): value
        for name, value in form.multi_items()
        if name.startswith("field:") and isinstance(value, str)
    }
    try:
        async with db.begin_nested():
            await access.ask(db, viewer, at.repository, given)
    except AppError as problem:
        return show(
            request,
            "hub/gate.html",
            at,
            status_code=problem.status,
            gate=access.gate_of(at.repository),
            asked=await access.request_of(db, viewer, at.repository),
            given=given,
            error=problem.message,
        )
    return see(at.url)


@at_both(router, "/settings/gate", "POST")
async def set_gate(db: Db, at: Managed, gate: Gate = "") -> Response:
    """Open the files to everybody who sees the repository, or set a gate before them."""
    await access.set_gate(db, at.repository, gate)
    return see(f"{at.url}/settings?saved=true")


@at_both(router, "/settings/access")
async def requests_page(request: Request, db: Db, at: Managed, cursor: str = "") -> HTMLResponse:
    """Show who asked to be let in, and let the owner answer."""
    return await _requests(request, db, at, cursor=cursor)


async def _requests(
    request: Request, db: Db, at: Frame, *, cursor: str = "", problem: AppError | None = None
) -> HTMLResponse:
    word = request.query_params.get("status", "")
    status = AccessStatus(word) if word in {s.value for s in AccessStatus} else AccessStatus.PENDING
    page = await access.list_requests(db, at.repository, status, cursor)
    return show(
        request,
        "hub/access.html",
        at,
        status_code=problem.status if problem else 200,
        state=status.value,
        rows=page.items,
        next_cursor=page.next_cursor,
        error=problem.message if problem else "",
        fix=problem.fix if problem else "",
    )


@at_both(router, "/settings/access/answer", "POST")
async def answer(  # what one answer is made of
    request: Request,
    db: Db,
    viewer: RepoWriter,
    at: Managed,
    user: Word,
    status: Answer,
) -> Response:
    """Accept or reject one request."""
    return await _do(request, db, at, _answering(db, viewer, at, user, AccessStatus(status)))


@at_both(router, "/settings/access/grant", "POST")
async def grant(request: Request, db: Db, viewer: RepoWriter, at: Managed, user: Word) -> Response:
    """Let somebody in who did not ask."""
    return await _do(request, db, at, access.grant(db, viewer, at.repository, user.strip()))


async def _answering(db: Db, viewer: Viewer, at: Frame, user: str, status: AccessStatus) -> None:
    found = await access.find_request(db, at.repository, user=user.strip())
    await access.answer(db, viewer, found, status)


async def _do(request: Request, db: Db, at: Frame, doing: Coroutine[Any, Any, object]) -> Response:
    try:
        async with db.begin_nested():
            await doing
    except AppError as problem:
        return await _requests(request, db, at, problem=problem)
    return see(f"{at.url}/settings/access")
