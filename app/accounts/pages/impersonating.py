"""Beginning and ending to see the site as somebody else does."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from app.accounts import service
from app.accounts.pages import cookies
from app.accounts.pages.forms import see
from app.core import rate_limit
from app.core.errors import Detail, InvalidError, NotFoundError
from app.core.http import Anybody, Db
from app.core.i18n import _

router = APIRouter()


@router.post("/admin/users/{name}/impersonate")
async def impersonate(
    request: Request,
    db: Db,
    viewer: Anybody,
    name: str,
    confirm: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """See the site as this person does; the own session waits in a cookie of its own."""
    found = await service.find_account(db, name)
    if not viewer.is_admin or found is None:
        raise NotFoundError("There is nothing at this address.")
    service.require_confirmed(viewer)
    if confirm.strip().casefold() != found.name.casefold():
        problem = _("Type “%(name)s” to say that you mean it.") % {"name": found.name}
        raise InvalidError(problem, code="not_confirmed", details=[Detail("confirm", problem)])
    agent = request.headers.get("user-agent", "")
    browser = service.Browser(agent, rate_limit.address_of(request))
    session = await service.impersonate(db, viewer, found.id, browser)
    response = see(f"/{found.name}")
    cookies.change_places(request, response, session.secret)
    return response


@router.post("/impersonation/end")
async def end(request: Request, db: Db, viewer: Anybody) -> Response:
    """Be oneself again."""
    response = see("/admin/users")
    if viewer.impersonator:
        secret = request.cookies.get(service.session_cookie(request), "")
        await service.end_impersonation(db, secret)
        cookies.change_back(request, response)
    return response
