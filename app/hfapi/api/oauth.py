"""Signing a client in through the browser: device authorization and tokens, as RFC 8628 has them.

Every refusal is `{"error": word, "error_description": sentence}` with status 400, which is what
clients of OAuth read; they go on asking on `authorization_pending` and `slow_down`.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from app.accounts import service as accounts
from app.accounts.service import Asked, Issued, OAuthError
from app.core import http, rate_limit
from app.core.clock import now
from app.core.http import Anybody, Db
from app.core.rate_limit import Limit, address_of
from app.hfapi.context import base_url, signing_key

router = APIRouter(include_in_schema=False)

_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
# A classroom behind one address may sign in together.
CODES_BY_ADDRESS = Limit("device_codes", hits=60, per_s=300)
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class DeviceForm(BaseModel):
    """Who wants to be let in. `scope` is not read: the person decides what is allowed."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    client_id: str = Field(default="", max_length=200)


class TokenForm(BaseModel):
    """A request for a token, of either grant."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    grant_type: str = Field(default="", max_length=200)
    client_id: str = Field(default="", max_length=200)
    device_code: str = Field(default="", max_length=200)
    refresh_token: str = Field(default="", max_length=200)


@router.post("/oauth/device")
async def authorize_device(
    request: Request, db: Db, _viewer: Anybody, form: Annotated[DeviceForm, Form()]
) -> JSONResponse:
    """Return a secret for the client and a code for the person."""
    if not form.client_id:
        return _refusal(OAuthError("Send a client_id.", code="invalid_request"))
    await rate_limit.take(http.database(request), CODES_BY_ADDRESS, address_of(request))
    asked = Asked(form.client_id, request.headers.get("user-agent", ""), address_of(request))
    codes = await accounts.ask_for_device_login(db, signing_key(request), asked)
    page = f"{base_url(request)}/device"
    return _answer(
        {
            "device_code": codes.device_code,
            "user_code": codes.user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={codes.user_code}",
            "interval": codes.interval_s,
            "expires_in": int(codes.lifetime.total_seconds()),
        }
    )


@router.post("/oauth/token")
async def token(db: Db, _viewer: Anybody, form: Annotated[TokenForm, Form()]) -> JSONResponse:
    """Hand out tokens to a client that a person let in, or renew those it has."""
    if form.grant_type == _DEVICE_GRANT:
        outcome = await accounts.poll_device_login(db, form.client_id, form.device_code)
    elif form.grant_type == "refresh_token":
        outcome = await accounts.renew_token(db, form.client_id, form.refresh_token)
    else:
        outcome = OAuthError("Use device_code or refresh_token.", code="unsupported_grant_type")
    return _refusal(outcome) if isinstance(outcome, OAuthError) else _tokens(outcome)


def _tokens(issued: Issued) -> JSONResponse:
    return _answer(
        {
            "access_token": issued.access_token,
            "token_type": "bearer",
            "expires_in": int((issued.expires_at - now()).total_seconds()),
            "refresh_token": issued.refresh_token,
            "scope": " ".join(issued.scopes),
        }
    )


def _refusal(problem: OAuthError) -> JSONResponse:
    return _answer({"error": problem.code, "error_description": problem.message}, 400)


def _answer(body: dict[str, Any], status: int = 200) -> JSONResponse:
    return JSONResponse(body, status, headers=_NO_STORE)
