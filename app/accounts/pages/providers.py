"""Signing in with an account at another provider, and joining it to one's own."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.accounts import service
from app.accounts.names import name_key
from app.accounts.pages import cookies
from app.accounts.pages.forms import FORM_PROBLEMS, ViaForm, form_page, see, site_of
from app.accounts.pages.second_factor import first_step
from app.accounts.schemas import SignInMethod, Step
from app.accounts.service import Stranger
from app.accounts.tables import Ceremony
from app.core import http, rate_limit
from app.core.db import AsyncSession
from app.core.errors import UnauthorizedError
from app.core.http import (
    AccountViewer,
    Anybody,
    Db,
    SiteSettings,
    WaitingAccountViewer,
    WaitingVisitor,
)
from app.core.i18n import _
from app.core.local_url import local_path
from app.core.rate_limit import Limit
from app.core.runtime import Flag
from app.core.security import Viewer
from app.core.settings import Settings

router = APIRouter()

VIA_BY_ADDRESS = Limit("provider_address", hits=60, per_s=300)


# A link and not a form: what a form leads to may not lie on another site (form-action).
@router.get("/login/via/{provider}")
async def begin(  # what a sign-in is made of
    request: Request,
    _viewer: WaitingVisitor,
    settings: SiteSettings,
    provider: str,
    next_path: Annotated[str, Query(alias="next")] = "/",
) -> Response:
    """Go to the provider, to sign in or to sign up."""
    return await _leave(request, settings, provider, None, local_path(next_path))


@router.get("/settings/security/join/{provider}")
async def join(
    request: Request, viewer: WaitingAccountViewer, settings: SiteSettings, provider: str
) -> Response:
    """Go to the provider, to join the account there to this one."""
    user_id = service.require_confirmed(viewer)
    return await _leave(request, settings, provider, user_id, "/settings/security?saved=1")


async def _leave(
    request: Request, settings: Settings, name: str, user_id: int | None, next_path: str
) -> Response:
    provider, database = service.find_provider(settings, name), http.database(request)
    await rate_limit.take(database, VIA_BY_ADDRESS, rate_limit.address_of(request))
    address, key = await service.begin_with_provider(
        database, settings, site_of(request), provider, user_id, next_path
    )
    response = RedirectResponse(address, 303)
    cookies.keep_ceremony(request, response, key)
    return response


@router.get("/login/via/{provider}/callback")
async def come_back(  # what the protocol sends
    request: Request,
    viewer: WaitingVisitor,
    settings: SiteSettings,
    provider: str,
    *,
    state: str = "",
    code: str = "",
) -> Response:
    """Take the provider's answer: sign in, join the accounts, or ask for a name."""
    found, database = service.find_provider(settings, provider), http.database(request)
    key = cookies.ceremony_of(request)
    async with database.transaction() as db:
        ceremony = await service.look_at_ceremony(db, Step.PROVIDER, key)
    # The provider may take its time: no transaction waits for it.
    stranger = await service.end_with_provider(
        settings, site_of(request), found, ceremony, state=state, code=code
    )
    async with database.transaction() as db:
        await service.take_ceremony(db, Step.PROVIDER, key)
        return await _go_on(request, db, viewer, ceremony, stranger)


async def _go_on(
    request: Request, db: AsyncSession, viewer: Viewer, ceremony: Ceremony, stranger: Stranger
) -> Response:
    if ceremony.user_id is not None:
        return await _join(request, db, viewer, ceremony.user_id, stranger)
    user_id = await service.person_behind(db, stranger)
    if user_id is not None:
        return await first_step(db, request, user_id, ceremony.data["next"], SignInMethod.PROVIDER)
    if not http.runtime_of(request).may_open(Flag.SIGN_UP):
        http.runtime_of(request).require(Flag.SIGN_UP)
    key = await service.begin_ceremony(
        db, Step.PROVIDER_NAME, None, next=ceremony.data["next"], stranger=stranger.stored()
    )
    response = see("/signup/via")
    cookies.keep_ceremony(request, response, key)
    return response


async def _join(
    request: Request, db: AsyncSession, viewer: Viewer, user_id: int, stranger: Stranger
) -> Response:
    if viewer.user_id != user_id:
        raise UnauthorizedError(_("Sign in first."))
    await service.link_identity(db, site_of(request), user_id, stranger)
    response = see("/settings/security?saved=1")
    cookies.keep_ceremony(request, response, "")
    return response


@router.get("/signup/via")
async def name_page(request: Request, db: Db, viewer: Anybody) -> Response:
    """Ask whom the provider vouches for what they want to be called here."""
    ceremony = await service.look_at_ceremony(db, Step.PROVIDER_NAME, cookies.ceremony_of(request))
    stranger = Stranger(**ceremony.data["stranger"])
    form = ViaForm(name=name_key(stranger.wished_name), email=stranger.email)
    return form_page(request, "accounts/sign_up_via.html", viewer, form=form, stranger=stranger)


@router.post("/signup/via")
async def sign_up(
    request: Request,
    db: Db,
    viewer: Anybody,
    form: Annotated[ViaForm, Form()],
) -> Response:
    """Make the account and sign in to it."""
    http.runtime_of(request).require(Flag.SIGN_UP, form.name)
    key = cookies.ceremony_of(request)
    ceremony = await service.look_at_ceremony(db, Step.PROVIDER_NAME, key)
    stranger = Stranger(**ceremony.data["stranger"])
    try:
        await service.check_not_banned(db, service.email_hash(site_of(request), form.email))
        user_id = await service.sign_up_with(db, stranger, form.name, form.email)
    except FORM_PROBLEMS as problem:
        return form_page(
            request, "accounts/sign_up_via.html", viewer, problem, form=form, stranger=stranger
        )
    await service.take_ceremony(db, Step.PROVIDER_NAME, key)
    await service.ask_to_confirm(db, site_of(request), user_id)
    response = see(ceremony.data["next"])
    await cookies.sign_in(db, request, response, user_id, SignInMethod.PROVIDER)
    cookies.keep_ceremony(request, response, "")
    return response


@router.post("/settings/security/identities/{identity_id}/remove")
async def unlink(db: Db, viewer: AccountViewer, identity_id: int) -> Response:
    """Let an account at a provider sign the person in no more."""
    user_id = service.require_confirmed(viewer)
    await service.unlink_identity(db, user_id, identity_id)
    return see("/settings/security?saved=1")
