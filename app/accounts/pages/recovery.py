"""Lost passwords, and e-mail addresses that are proved or changed."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.background import BackgroundTask

from app.accounts import service
from app.accounts.names import name_key
from app.accounts.pages.forms import (
    FORM_PROBLEMS,
    EmailForm,
    ForgotForm,
    ResetForm,
    TokenOnlyForm,
    form_page,
    see,
    site_of,
)
from app.accounts.schemas import LinkPurpose, Site
from app.core import http, rate_limit
from app.core.db import Database
from app.core.errors import AppError
from app.core.http import AccountViewer, Anybody, Db
from app.core.rate_limit import Limit
from app.core.security import Viewer

router = APIRouter()

RESET_BY_EMAIL = Limit("reset_email", hits=5, per_s=3600)
RESET_BY_ADDRESS = Limit("reset_address", hits=30, per_s=3600)
CONFIRM_BY_PERSON = Limit("confirm_email", hits=5, per_s=3600)
CHANGE_BY_PERSON = Limit("change_email", hits=10, per_s=3600)


@router.get("/forgot-password")
async def forgot_page(request: Request, viewer: Anybody) -> Response:
    """Show the form that asks for the letter, or say who else helps."""
    site = site_of(request)
    return form_page(
        request, "accounts/forgot.html", viewer, sends_letters=site.sends_letters, asked=False
    )


@router.post("/forgot-password")
async def ask_for_reset(
    request: Request, viewer: Anybody, form: Annotated[ForgotForm, Form()]
) -> Response:
    """Answer alike whoever the address belongs to; the work is done after the answer has left."""
    database, site = http.database(request), site_of(request)
    await rate_limit.take(database, RESET_BY_ADDRESS, rate_limit.address_of(request))
    await rate_limit.take(database, RESET_BY_EMAIL, name_key(form.email))
    page = form_page(
        request, "accounts/forgot.html", viewer, sends_letters=site.sends_letters, asked=True
    )
    page.background = BackgroundTask(_send_reset_link, database, site, form.email)
    return page


async def _send_reset_link(database: Database, site: Site, email: str) -> None:
    async with database.transaction() as db:
        await service.send_reset_link(db, site, email)


@router.get("/reset-password")
async def reset_page(request: Request, db: Db, viewer: Anybody, token: str = "") -> Response:
    """Show the form of a new password to whoever has the link."""
    await service.check_link(db, LinkPurpose.RESET, token)
    return form_page(request, "accounts/reset.html", viewer, token=token)


@router.post("/reset-password")
async def reset_password(
    request: Request, db: Db, viewer: Anybody, form: Annotated[ResetForm, Form()]
) -> Response:
    """Store the new password; the person signs in with it, and with a second factor if any."""
    try:
        await service.reset_password(db, site_of(request), form.token, form.password)
    except FORM_PROBLEMS as problem:
        return form_page(request, "accounts/reset.html", viewer, problem, token=form.token)
    return see("/login?reset=1")


@router.get("/verify-email")
async def confirm_page(request: Request, db: Db, viewer: Anybody, token: str = "") -> Response:
    """Ask for a click: programs that look at letters open links too."""
    link = await service.check_link(db, LinkPurpose.CONFIRM_EMAIL, token)
    return form_page(
        request, "accounts/confirm_email.html", viewer, token=token, email=link.email, is_new=False
    )


@router.post("/verify-email")
async def confirm_email(
    db: Db, viewer: Anybody, form: Annotated[TokenOnlyForm, Form()]
) -> Response:
    """Note that letters reach the person."""
    await service.confirm_email(db, form.token)
    return see("/settings/email?saved=1" if viewer.is_signed_in else "/login?confirmed=1")


@router.get("/verify-email/new")
async def new_email_page(request: Request, db: Db, viewer: Anybody, token: str = "") -> Response:
    """Ask for a click before the new address is used."""
    link = await service.check_link(db, LinkPurpose.CHANGE_EMAIL, token)
    return form_page(
        request, "accounts/confirm_email.html", viewer, token=token, email=link.email, is_new=True
    )


@router.post("/verify-email/new")
async def use_new_email(
    request: Request, db: Db, viewer: Anybody, form: Annotated[TokenOnlyForm, Form()]
) -> Response:
    """Put the new address into use."""
    await service.use_new_email(db, site_of(request), form.token)
    return see("/settings/email?saved=1" if viewer.is_signed_in else "/login?confirmed=1")


@router.get("/settings/email")
async def email_page(request: Request, db: Db, viewer: AccountViewer) -> Response:
    """Show the e-mail address and the form of another one."""
    return await _email_page(request, db, viewer, EmailForm())


@router.post("/settings/email")
async def change_email(
    request: Request, db: Db, viewer: AccountViewer, form: Annotated[EmailForm, Form()]
) -> Response:
    """Send a letter to the new address; it counts once that was opened."""
    user_id = viewer.require_user()
    await rate_limit.take(http.database(request), CHANGE_BY_PERSON, str(user_id))
    if not (await service.person(db, user_id)).user.has_password:
        service.require_confirmed(viewer)
    try:
        waits = await service.change_email(db, site_of(request), user_id, form.email, form.password)
    except FORM_PROBLEMS as problem:
        return await _email_page(request, db, viewer, form, problem)
    return see("/settings/email?sent=1" if waits else "/settings/email?saved=1")


@router.post("/settings/email/resend")
async def resend(request: Request, db: Db, viewer: AccountViewer) -> Response:
    """Send the letter that proves the address once more."""
    user_id = viewer.require_user()
    await rate_limit.take(http.database(request), CONFIRM_BY_PERSON, str(user_id))
    await service.ask_to_confirm(db, site_of(request), user_id)
    return see("/settings/email?sent=1")


async def _email_page(
    request: Request, db: Db, viewer: Viewer, form: EmailForm, problem: AppError | None = None
) -> Response:
    person = await service.person(db, viewer.require_user())
    return form_page(
        request,
        "accounts/email.html",
        viewer,
        problem,
        form=form,
        person=person,
        sends_letters=site_of(request).sends_letters,
    )
