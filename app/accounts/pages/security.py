"""How a person signs in: second factors, passkeys, accounts at other providers."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import JSONResponse
from markupsafe import Markup

from app.accounts import service
from app.accounts.pages.forms import (
    FORM_PROBLEMS,
    CodeForm,
    NameForm,
    NewPasskeyForm,
    form_page,
    see,
    site_of,
)
from app.core import http, rate_limit
from app.core.db import AsyncSession
from app.core.errors import AppError
from app.core.http import AccountViewer, Db, site_settings
from app.core.rate_limit import Limit
from app.core.security import Viewer

router = APIRouter(prefix="/settings/security")

TOTP_BY_PERSON = Limit("totp_new", hits=20, per_s=300)


@router.get("")
async def security_page(request: Request, db: Db, viewer: AccountViewer) -> Response:
    """Show the ways in which this person signs in."""
    service.require_confirmed(viewer)
    return await _page(request, db, viewer)


@router.post("/totp")
async def begin_totp(request: Request, db: Db, viewer: AccountViewer) -> Response:
    """Make the secret of an authenticator app."""
    user_id = service.require_confirmed(viewer)
    await service.begin_totp(db, site_of(request), user_id)
    return see("/settings/security/totp")


@router.get("/totp")
async def totp_page(request: Request, db: Db, viewer: AccountViewer) -> Response:
    """Show the picture that the app reads."""
    service.require_confirmed(viewer)
    return await _totp_page(request, db, viewer)


@router.post("/totp/confirm")
async def confirm_totp(
    request: Request, db: Db, viewer: AccountViewer, form: Annotated[CodeForm, Form()]
) -> Response:
    """Take the first code of the app, and show the recovery codes this once."""
    user_id = service.require_confirmed(viewer)
    await rate_limit.take(http.database(request), TOTP_BY_PERSON, str(user_id))
    try:
        codes = await service.confirm_totp(db, site_of(request), user_id, form.code)
    except FORM_PROBLEMS as problem:
        return await _totp_page(request, db, viewer, problem)
    return await _page(request, db, viewer, codes=codes, added=True)


@router.post("/totp/remove")
async def remove_totp(request: Request, db: Db, viewer: AccountViewer) -> Response:
    """Forget the app."""
    user_id = service.require_confirmed(viewer)
    await service.remove_totp(db, site_of(request), user_id)
    return see("/settings/security?saved=1")


@router.post("/codes")
async def make_codes(request: Request, db: Db, viewer: AccountViewer) -> Response:
    """Make ten new recovery codes and show them this once."""
    user_id = service.require_confirmed(viewer)
    codes = await service.make_codes(db, site_of(request), user_id)
    return await _page(request, db, viewer, codes=codes)


@router.post("/passkeys/ask")
async def ask_for_passkey(request: Request, db: Db, viewer: AccountViewer) -> Response:
    """Return what the browser hands to the device that makes a passkey."""
    user_id = service.require_confirmed(viewer)
    asked = await service.ask_for_new_passkey(db, site_of(request), user_id)
    return JSONResponse({"key": asked.key, "options": asked.options})


@router.post("/passkeys")
async def add_passkey(
    request: Request, db: Db, viewer: AccountViewer, form: Annotated[NewPasskeyForm, Form()]
) -> Response:
    """Keep a new passkey; with the first second factor, show the recovery codes this once."""
    user_id = service.require_confirmed(viewer)
    answer = service.PasskeyAnswer(form.key, form.credential)
    try:
        codes = await service.add_passkey(db, site_of(request), user_id, answer, form.name)
    except FORM_PROBLEMS as problem:
        return await _page(request, db, viewer, problem)
    return await _page(request, db, viewer, codes=codes, added=True)


@router.post("/passkeys/{passkey_id}")
async def rename_passkey(
    db: Db, viewer: AccountViewer, passkey_id: int, form: Annotated[NameForm, Form()]
) -> Response:
    """Give a passkey another name."""
    user_id = service.require_confirmed(viewer)
    await service.rename_passkey(db, user_id, passkey_id, form.name)
    return see("/settings/security?saved=1")


@router.post("/passkeys/{passkey_id}/remove")
async def remove_passkey(
    request: Request, db: Db, viewer: AccountViewer, passkey_id: int
) -> Response:
    """Forget a passkey."""
    user_id = service.require_confirmed(viewer)
    await service.remove_passkey(db, site_of(request), user_id, passkey_id)
    return see("/settings/security?saved=1")


async def _totp_page(
    request: Request, db: AsyncSession, viewer: Viewer, problem: AppError | None = None
) -> Response:
    import segno

    secret, address = await service.waiting_totp(db, site_of(request), viewer.require_user())
    picture = segno.make(address, error="m").svg_inline(omitsize=True, light="#fff", svgclass="qr")
    return form_page(
        request,
        "accounts/totp.html",
        viewer,
        problem,
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        address=address,
        picture=Markup(picture),  # noqa: S704  # drawn by us: squares, and nothing that anybody wrote
    )


async def _page(  # one page for the list and what is shown once
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    problem: AppError | None = None,
    *,
    codes: list[str] | None = None,
    added: bool = False,
) -> Response:
    user_id = viewer.require_user()
    return form_page(
        request,
        "accounts/security.html",
        viewer,
        problem,
        person=await service.person(db, user_id),
        factors=await service.factors_of(db, user_id),
        identities=await service.identities_of(db, user_id),
        providers=site_settings(request).sign_in_providers,
        codes=codes or [],
        added=added,
    )
