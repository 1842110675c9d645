"""The page on which a person lets a program in: type the code, see who asks, say yes or no."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from app.accounts import service
from app.accounts.pages.forms import form_page
from app.accounts.schemas import ROLE_SCOPES, TokenRole
from app.core import http, rate_limit
from app.core.db import AsyncSession
from app.core.errors import ForbiddenError, NotFoundError
from app.core.http import AccountViewer, Db, SiteSettings
from app.core.i18n import _
from app.core.rate_limit import Limit
from app.core.security import Viewer
from app.core.settings import Settings

router = APIRouter()

# Codes have 34 bits and live 15 minutes: ten tries in five minutes find none of them.
WRONG_CODES = Limit("device_code", hits=10, per_s=300)
# The id that every Hugging Face client sends; any other is shown as it is.
_KNOWN_CLIENTS = {"26be6b09-91c5-47da-9861-d2d2bb7a7e36": "Hugging Face client (hf)"}
_MAX_CODE = 40


class DecisionForm(BaseModel):
    """A person's answer."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)
    user_code: str = ""
    decision: Literal["approve", "deny"]
    role: Literal[TokenRole.READ, TokenRole.WRITE] = TokenRole.READ


@router.get("/device")
async def device_page(
    request: Request,
    db: Db,
    viewer: AccountViewer,
    settings: SiteSettings,
    user_code: Annotated[str, Query(max_length=_MAX_CODE)] = "",
) -> Response:
    """Ask for the code, or show who waits with it."""
    if not user_code.strip():
        return form_page(request, "device/device.html", viewer, login=None, user_code="")
    try:
        login = await _waiting(request, db, viewer, settings, user_code)
    except NotFoundError as problem:
        return form_page(
            request, "device/device.html", viewer, problem, login=None, user_code=user_code
        )
    return form_page(
        request,
        "device/device.html",
        viewer,
        login=login,
        user_code=user_code.strip().upper(),
        client=_KNOWN_CLIENTS.get(login.client_id, login.client_id),
        is_known=login.client_id in _KNOWN_CLIENTS,
        scopes={role.value: ROLE_SCOPES[role] for role in (TokenRole.READ, TokenRole.WRITE)},
    )


@router.post("/device")
async def decide(
    request: Request,
    db: Db,
    viewer: AccountViewer,
    settings: SiteSettings,
    form: Annotated[DecisionForm, Form()],
) -> Response:
    """Let the program in, or not."""
    login = await _waiting(request, db, viewer, settings, form.user_code)
    approved = form.decision == "approve"
    if approved and not ROLE_SCOPES[form.role] <= viewer.scopes:
        raise ForbiddenError(
            _("A token cannot allow more than the credential that makes it."),
            fix=_("Sign in with your password first."),
        )
    await service.decide_device_login(db, viewer, login, form.role if approved else None)
    return form_page(request, "device/decided.html", viewer, approved=approved)


async def _waiting(
    request: Request, db: AsyncSession, viewer: Viewer, settings: Settings, user_code: str
) -> service.DeviceLogin:
    """Find who waits; only wrong codes count against the person who types them."""
    subject = str(viewer.require_user())
    await rate_limit.take(http.database(request), WRONG_CODES, subject)
    key = settings.secret_key.get_secret_value()
    login = await service.waiting_device_login(db, key, user_code)
    await rate_limit.give_back(http.database(request), WRONG_CODES, subject)
    return login
