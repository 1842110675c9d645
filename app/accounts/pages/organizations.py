"""Organisations: making one, its settings, and who is in it."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from app.accounts import policy, service
from app.accounts.pages.forms import (
    FORM_PROBLEMS,
    MemberForm,
    OrganizationForm,
    form_page,
    see,
)
from app.accounts.schemas import MEMBER_ROLES, OrganizationChange, OrganizationIn, Role
from app.accounts.tables import Account
from app.core.db import AsyncSession
from app.core.errors import AppError
from app.core.http import AccountViewer, Db
from app.core.security import Viewer

router = APIRouter()


@router.get("/settings/organizations")
async def organizations_page(request: Request, db: Db, viewer: AccountViewer) -> Response:
    """List the organisations the person is in."""
    mine = await service.organizations_of(db, viewer.require_user())
    return form_page(request, "accounts/organizations.html", viewer, organizations=mine)


@router.get("/organizations/new")
async def new_organization_page(request: Request, viewer: AccountViewer) -> Response:
    """Show the form of a new organisation."""
    return form_page(request, "accounts/new_organization.html", viewer, form=OrganizationForm())


@router.post("/organizations/new")
async def create_organization(
    request: Request, db: Db, viewer: AccountViewer, form: Annotated[OrganizationForm, Form()]
) -> Response:
    """Make an organisation and go to its members."""
    new = OrganizationIn(**form.model_dump())
    try:
        made = await service.found_organization(db, viewer.require_user(), new)
    except FORM_PROBLEMS as problem:
        return form_page(request, "accounts/new_organization.html", viewer, problem, form=form)
    return see(f"/organizations/{made.name}/settings")


@router.get("/organizations/{name}/settings")
async def organization_page(request: Request, db: Db, viewer: AccountViewer, name: str) -> Response:
    """Show an administrator the settings and the members."""
    account = await policy.access_organization(db, viewer, name, Role.ADMIN)
    return await _organization_page(request, db, viewer, account)


@router.post("/organizations/{name}/settings")
async def change_organization(
    db: Db, viewer: AccountViewer, name: str, form: Annotated[OrganizationForm, Form()]
) -> Response:
    """Store the settings; an organisation keeps its name."""
    account = await policy.access_organization(db, viewer, name, Role.ADMIN)
    change = OrganizationChange(**form.model_dump(exclude={"name"}))
    await service.change_organization(db, account.id, change)
    return see(f"/organizations/{account.name}/settings?saved=1")


@router.post("/organizations/{name}/members")
async def set_member(
    request: Request,
    db: Db,
    viewer: AccountViewer,
    name: str,
    form: Annotated[MemberForm, Form()],
) -> Response:
    """Add a member, change a role, or with the role `no_access` end a membership."""
    account = await policy.access_organization(db, viewer, name, Role.ADMIN)
    try:
        await service.set_member(db, account.id, form.user, form.role)
    except FORM_PROBLEMS as problem:
        return await _organization_page(request, db, viewer, account, problem, member=form)
    return see(f"/organizations/{account.name}/settings#members")


@router.post("/organizations/{name}/leave")
async def leave_organization(db: Db, viewer: AccountViewer, name: str) -> Response:
    """End one's own membership."""
    account = await policy.access_organization(db, viewer, name, Role.READ)
    await service.remove_member(db, account.id, viewer.name)
    return see("/settings/organizations")


async def _organization_page(  # one page for the settings and a mistake in them
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    account: Account,
    problem: AppError | None = None,
    *,
    member: MemberForm | None = None,
) -> Response:
    organization, members = await service.organization_settings(db, account.id)
    return form_page(
        request,
        "accounts/organization.html",
        viewer,
        problem,
        account=account,
        organization=organization,
        members=members,
        member=member or MemberForm(),
        roles=MEMBER_ROLES,
    )
