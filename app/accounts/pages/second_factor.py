"""The second step of signing in, and signing in with a passkey alone."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import JSONResponse

from app.accounts import service
from app.accounts.pages import cookies
from app.accounts.pages.forms import (
    FORM_PROBLEMS,
    CodeForm,
    PasskeyForm,
    form_page,
    see,
    site_of,
)
from app.accounts.schemas import SignInMethod, Step
from app.accounts.tables import Ceremony
from app.core import http, rate_limit
from app.core.db import AsyncSession
from app.core.errors import AppError, GoneError
from app.core.http import AccountViewer, Anybody, Db
from app.core.local_url import local_path
from app.core.rate_limit import Limit
from app.core.security import Viewer

router = APIRouter()

CODE_BY_PERSON = Limit("second_factor", hits=10, per_s=300)
PASSKEY_BY_ADDRESS = Limit("passkey_address", hits=60, per_s=300)


async def first_step(
    db: AsyncSession,
    request: Request,
    user_id: int,
    next_path: str,
    method: SignInMethod = SignInMethod.PASSWORD,
) -> Response:
    """Sign in, or ask for the second factor of whoever has one."""
    response: Response
    if not (await service.factors_of(db, user_id)).any:
        response = see(next_path)
        await cookies.sign_in(db, request, response, user_id, method)
        return response
    key = await service.begin_ceremony(db, Step.SECOND_FACTOR, user_id, next=next_path)
    response = see("/login/second-factor")
    cookies.keep_ceremony(request, response, key)
    return response


@router.get("/login/second-factor")
async def second_factor_page(request: Request, db: Db, viewer: Anybody) -> Response:
    """Ask for a code or a passkey."""
    ceremony = await _waiting(db, request)
    return await _page(request, db, viewer, ceremony)


@router.post("/login/second-factor")
async def second_factor(
    request: Request, db: Db, viewer: Anybody, form: Annotated[CodeForm, Form()]
) -> Response:
    """Take the code; the eleventh wrong one in five minutes is refused whatever it is."""
    ceremony = await _waiting(db, request)
    user_id = ceremony.user_id or 0
    await rate_limit.take(http.database(request), CODE_BY_PERSON, str(user_id))
    try:
        method = await service.check_code(db, site_of(request), user_id, form.code)
    except FORM_PROBLEMS as problem:
        return await _page(request, db, viewer, ceremony, problem)
    await rate_limit.give_back(http.database(request), CODE_BY_PERSON, str(user_id))
    await service.take_ceremony(db, Step.SECOND_FACTOR, cookies.ceremony_of(request))
    return await _signed_in(db, request, user_id, ceremony.data["next"], method)


@router.post("/passkeys/ask")
async def ask_for_proof(request: Request, db: Db, _viewer: Anybody) -> Response:
    """Return what the browser hands to the device."""
    await rate_limit.take(
        http.database(request), PASSKEY_BY_ADDRESS, rate_limit.address_of(request)
    )
    asked = await service.ask_for_proof(db, site_of(request))
    return JSONResponse({"key": asked.key, "options": asked.options})


@router.post("/login/passkey")
async def sign_in_with_passkey(
    request: Request, db: Db, _viewer: Anybody, form: Annotated[PasskeyForm, Form()]
) -> Response:
    """Sign in with a passkey: alone, or after a password."""
    ceremony = await _maybe_waiting(db, request)
    user_id = await service.prove(
        db,
        site_of(request),
        service.PasskeyAnswer(form.key, form.credential),
        second_for=ceremony.user_id if ceremony else None,
    )
    next_path = ceremony.data["next"] if ceremony else local_path(form.next_path)
    if ceremony:
        await service.take_ceremony(db, Step.SECOND_FACTOR, cookies.ceremony_of(request))
    return await _signed_in(db, request, user_id, next_path, SignInMethod.PASSKEY)


@router.post("/confirm/passkey")
async def confirm_with_passkey(
    request: Request, db: Db, viewer: AccountViewer, form: Annotated[PasskeyForm, Form()]
) -> Response:
    """Accept a passkey as proof for this browser's session."""
    answer = service.PasskeyAnswer(form.key, form.credential)
    await service.prove(db, site_of(request), answer, second_for=viewer.require_user())
    await service.mark_confirmed(db, viewer)
    return see(local_path(form.next_path))


async def _waiting(db: AsyncSession, request: Request) -> Ceremony:
    return await service.look_at_ceremony(db, Step.SECOND_FACTOR, cookies.ceremony_of(request))


async def _maybe_waiting(db: AsyncSession, request: Request) -> Ceremony | None:
    try:
        return await _waiting(db, request)
    except GoneError:
        return None


async def _signed_in(
    db: AsyncSession, request: Request, user_id: int, next_path: str, method: SignInMethod
) -> Response:
    response = see(next_path)
    await cookies.sign_in(db, request, response, user_id, method)
    cookies.keep_ceremony(request, response, "")
    return response


async def _page(
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    ceremony: Ceremony,
    problem: AppError | None = None,
) -> Response:
    factors = await service.factors_of(db, ceremony.user_id or 0)
    return form_page(
        request,
        "accounts/second_factor.html",
        viewer,
        problem,
        factors=factors,
        next_path=ceremony.data["next"],
    )
