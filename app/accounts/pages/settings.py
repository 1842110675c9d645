"""A person's own settings: what others see of them, and their password."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from app.accounts import service
from app.accounts.pages import cookies
from app.accounts.pages.confirming import CONFIRM_BY_PERSON
from app.accounts.pages.forms import (
    FORM_PROBLEMS,
    PasswordForm,
    ProfileForm,
    form_page,
    see,
    site_of,
)
from app.accounts.schemas import ProfileIn
from app.core import http, rate_limit
from app.core.http import AccountViewer, Db

router = APIRouter()


@router.get("/settings")
async def settings(_viewer: AccountViewer) -> Response:
    """Go to the first page of the settings."""
    return see("/settings/profile")


@router.get("/settings/profile")
async def profile_page(request: Request, db: Db, viewer: AccountViewer) -> Response:
    """Show what others see of the person."""
    person = await service.person(db, viewer.require_user())
    form = ProfileForm(display_name=person.account.display_name, bio=person.user.bio)
    return form_page(request, "accounts/profile.html", viewer, form=form)


@router.post("/settings/profile")
async def change_profile(
    db: Db, viewer: AccountViewer, form: Annotated[ProfileForm, Form()]
) -> Response:
    """Store name and words."""
    change = ProfileIn(display_name=form.display_name, bio=form.bio)
    await service.change_profile(db, viewer.require_user(), change)
    return see("/settings/profile?saved=1")


@router.get("/settings/password")
async def password_page(request: Request, db: Db, viewer: AccountViewer) -> Response:
    """Show the form of a new password."""
    person = await service.person(db, viewer.require_user())
    return form_page(request, "accounts/password.html", viewer, person=person)


@router.post("/settings/password")
async def change_password(
    request: Request, db: Db, viewer: AccountViewer, form: Annotated[PasswordForm, Form()]
) -> Response:
    """Store the new password; every session ends, and this browser gets a fresh one."""
    user_id = viewer.require_user()
    person = await service.person(db, user_id)
    if not person.user.has_password:
        service.require_confirmed(viewer)
    await rate_limit.take(http.database(request), CONFIRM_BY_PERSON, str(user_id))
    try:
        await service.change_password(
            db, site_of(request), user_id, form.current_password, form.new_password
        )
    except FORM_PROBLEMS as problem:
        return form_page(request, "accounts/password.html", viewer, problem, person=person)
    await rate_limit.give_back(http.database(request), CONFIRM_BY_PERSON, str(user_id))
    response = see("/settings/password?saved=1")
    await cookies.sign_in(db, request, response, user_id)
    return response
