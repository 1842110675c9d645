"""Sign-in, sign-up, sign-out, the first administrator, and the choice of language and theme."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from app.accounts import service
from app.accounts.names import name_key
from app.accounts.pages import cookies
from app.accounts.pages.forms import (
    FORM_PROBLEMS,
    PreferencesForm,
    SetupForm,
    SignInForm,
    SignUpForm,
    form_page,
    see,
    site_of,
)
from app.accounts.pages.second_factor import first_step
from app.accounts.schemas import NewUser, ProfileIn
from app.core import http, rate_limit
from app.core.errors import NotFoundError, UnauthorizedError
from app.core.http import Anybody, Db, SiteSettings
from app.core.i18n import _
from app.core.local_url import local_path
from app.core.rate_limit import Limit
from app.core.runtime import Flag

router = APIRouter()

# Failures only: a classroom behind one address may sign in together.
SIGN_IN_BY_NAME = Limit("sign_in_name", hits=10, per_s=300)
SIGN_IN_BY_ADDRESS = Limit("sign_in_address", hits=10, per_s=300)
SIGN_UP_BY_ADDRESS = Limit("sign_up_address", hits=60, per_s=300)

NextPath = Annotated[str, Query(alias="next")]


@router.get("/login")
async def sign_in_page(
    request: Request, viewer: Anybody, settings: SiteSettings, next_path: NextPath = "/"
) -> Response:
    """Show the form, or go on for somebody who is signed in already."""
    if viewer.is_signed_in:
        return see(local_path(next_path))
    return form_page(
        request,
        "accounts/sign_in.html",
        viewer,
        login="",
        next_path=local_path(next_path),
        providers=settings.sign_in_providers,
    )


@router.post("/login")
async def sign_in(
    request: Request,
    db: Db,
    viewer: Anybody,
    settings: SiteSettings,
    form: Annotated[SignInForm, Form()],
) -> Response:
    """Begin a session; the eleventh failure in five minutes is refused whatever the password."""
    limits = [
        (SIGN_IN_BY_NAME, name_key(form.login)),
        (SIGN_IN_BY_ADDRESS, rate_limit.address_of(request)),
    ]
    for limit, subject in limits:
        await rate_limit.take(http.database(request), limit, subject)
    next_path = local_path(form.next_path)
    try:
        user_id = await service.check_credentials(db, form.login, form.password)
    except UnauthorizedError as problem:
        return form_page(
            request,
            "accounts/sign_in.html",
            viewer,
            problem,
            login=form.login,
            next_path=next_path,
            providers=settings.sign_in_providers,
        )
    for limit, subject in limits:
        await rate_limit.give_back(http.database(request), limit, subject)
    return await first_step(db, request, user_id, next_path)


@router.post("/logout")
async def sign_out(request: Request, db: Db, _viewer: Anybody) -> Response:
    """End this browser's session, on the server too."""
    if secret := request.cookies.get(service.session_cookie(request)):
        await service.sign_out(db, secret)
    response = see("/")
    cookies.forget_session(request, response)
    return response


@router.get("/signup")
async def sign_up_page(request: Request, viewer: Anybody, next_path: NextPath = "/") -> Response:
    """Show the form, or say that only the administrator makes accounts here."""
    if viewer.is_signed_in:
        return see(local_path(next_path))
    form = SignUpForm(next=local_path(next_path))
    return form_page(
        request,
        "accounts/sign_up.html",
        viewer,
        form=form,
        is_open=http.runtime_of(request).may_open(Flag.SIGN_UP),
    )


@router.post("/signup")
async def sign_up(
    request: Request,
    db: Db,
    viewer: Anybody,
    form: Annotated[SignUpForm, Form()],
) -> Response:
    """Make an account and sign in to it."""
    http.runtime_of(request).require(Flag.SIGN_UP, form.name)
    await rate_limit.take(
        http.database(request), SIGN_UP_BY_ADDRESS, rate_limit.address_of(request)
    )
    try:
        await service.check_not_banned(db, service.email_hash(site_of(request), form.email))
        made = await service.create_user(db, NewUser(form.name, form.email, form.password))
    except FORM_PROBLEMS as problem:
        return form_page(request, "accounts/sign_up.html", viewer, problem, form=form, is_open=True)
    await service.ask_to_confirm(db, site_of(request), made.id)
    response = see(local_path(form.next_path))
    await cookies.sign_in(db, request, response, made.id)
    return response


@router.get("/setup")
async def setup_page(request: Request, db: Db, viewer: Anybody, token: str = "") -> Response:
    """Show the form of the first administrator's account to whoever has the printed link."""
    if not await service.setup_link_is_open(db, token):
        raise NotFoundError(_("This link has been used, or is too old."))
    return form_page(request, "accounts/setup.html", viewer, form=SetupForm(token=token))


@router.post("/setup")
async def setup(
    request: Request, db: Db, viewer: Anybody, form: Annotated[SetupForm, Form()]
) -> Response:
    """Make the first administrator; the link works once, the form may be mended."""
    try:
        new = NewUser(form.name, form.email, form.password)
        made = await service.create_first_admin(db, form.token, new)
    except FORM_PROBLEMS as problem:
        return form_page(request, "accounts/setup.html", viewer, problem, form=form)
    response = see("/")
    await cookies.sign_in(db, request, response, made.id)
    return response


@router.post("/preferences")
async def choose_preferences(
    request: Request, db: Db, viewer: Anybody, form: Annotated[PreferencesForm, Form()]
) -> Response:
    """Store language and theme in this browser, and with the account of who is signed in."""
    response = see(local_path(form.next_path))
    if form.language is not None:
        cookies.keep_language(request, response, form.language)
    if form.theme is not None:
        cookies.keep_theme(request, response, form.theme)
    if viewer.user_id is not None and viewer.session_id is not None:
        change = ProfileIn(language=form.language, theme=form.theme)
        await service.change_profile(db, viewer.user_id, change)
    return response
