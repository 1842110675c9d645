"""Accounts as JSON: who am I, my access tokens, organisations and their members."""

from datetime import timedelta
from http import HTTPStatus

from fastapi import APIRouter

from app.accounts import policy, service
from app.accounts.schemas import (
    BlockOut,
    MemberIn,
    MemberOut,
    MeOut,
    NewTokenOut,
    OrganizationChange,
    OrganizationIn,
    OrganizationItem,
    OrganizationOut,
    ProfileIn,
    Role,
    StandingOut,
    TokenIn,
    TokenOut,
)
from app.accounts.tables import Account
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.http import AccountViewer, AnySignedIn, Db
from app.core.security import Viewer

router = APIRouter(prefix="/api/v1", tags=["accounts"])


@router.get("/me")
async def get_me(db: Db, viewer: AnySignedIn) -> MeOut:
    """Say who the caller is and what this request's credential allows."""
    return await _me(db, viewer)


@router.patch("/me")
async def change_me(db: Db, viewer: AccountViewer, change: ProfileIn) -> MeOut:
    """Change what one says about oneself, and one's language and theme."""
    await service.change_profile(db, viewer.require_user(), change)
    return await _me(db, viewer)


@router.get("/blocks")
async def list_blocks(db: Db, viewer: AccountViewer) -> list[BlockOut]:
    """List whom one blocks, the last first."""
    found = await service.blocked_by(db, viewer.require_user())
    return [BlockOut.model_validate(one) for one in found]


@router.put("/blocks/{user}", status_code=HTTPStatus.NO_CONTENT)
async def block(db: Db, viewer: AccountViewer, user: str) -> None:
    """Hear nothing more from somebody, and keep them out of what is one's own."""
    await service.block(db, viewer.require_user(), user)


@router.delete("/blocks/{user}", status_code=HTTPStatus.NO_CONTENT)
async def unblock(db: Db, viewer: AccountViewer, user: str) -> None:
    """Take a block back."""
    await service.unblock(db, viewer.require_user(), user)


@router.get("/tokens")
async def list_tokens(db: Db, viewer: AccountViewer) -> list[TokenOut]:
    """List one's own access tokens, the newest first, without their secrets."""
    tokens = await service.tokens_of(db, viewer.require_user())
    return [TokenOut.model_validate(token) for token in tokens]


@router.post("/tokens", status_code=HTTPStatus.CREATED)
async def create_token(db: Db, viewer: AccountViewer, new: TokenIn) -> NewTokenOut:
    """Make an access token. The secret is in this answer and can never be had again."""
    scopes = new.role if new.scopes is None else frozenset(new.scopes)
    expires_at = now() + timedelta(days=new.expires_in_days)
    secret = await service.create_token(
        db, viewer.require_user(), new.name, scopes, expires_at, granted=viewer.scopes
    )
    return NewTokenOut(token=secret)


@router.delete("/tokens/{token_id}", status_code=HTTPStatus.NO_CONTENT)
async def revoke_token(db: Db, viewer: AccountViewer, token_id: int) -> None:
    """End an access token at once."""
    await service.revoke_token(db, viewer.require_user(), token_id)


@router.get("/organizations")
async def list_organizations(db: Db, viewer: AnySignedIn) -> list[OrganizationItem]:
    """List the organisations one is in."""
    return await _organizations(db, viewer)


@router.post("/organizations", status_code=HTTPStatus.CREATED)
async def create_organization(
    db: Db, viewer: AccountViewer, new: OrganizationIn
) -> OrganizationOut:
    """Make an organisation; the caller administers it."""
    made = await service.found_organization(db, viewer.require_user(), new)
    account = await policy.access_organization(db, viewer, made.name, Role.ADMIN)
    return await _organization(db, viewer, account)


@router.get("/organizations/{name}")
async def get_organization(db: Db, viewer: AnySignedIn, name: str) -> OrganizationOut:
    """Return an organisation one is in, with its members."""
    account = await policy.access_organization(db, viewer, name, Role.READ)
    return await _organization(db, viewer, account)


@router.patch("/organizations/{name}")
async def change_organization(
    db: Db, viewer: AccountViewer, name: str, change: OrganizationChange
) -> OrganizationOut:
    """Change an organisation one administers."""
    account = await policy.access_organization(db, viewer, name, Role.ADMIN)
    await service.change_organization(db, account.id, change)
    return await _organization(db, viewer, account)


@router.put("/organizations/{name}/members/{user}")
async def set_member(
    db: Db, viewer: AccountViewer, name: str, user: str, member: MemberIn
) -> OrganizationOut:
    """Make somebody a member, or give a member another role."""
    account = await policy.access_organization(db, viewer, name, Role.ADMIN)
    await service.set_member(db, account.id, user, member.role)
    return await _organization(db, viewer, account)


@router.delete("/organizations/{name}/members/{user}", status_code=HTTPStatus.NO_CONTENT)
async def remove_member(db: Db, viewer: AccountViewer, name: str, user: str) -> None:
    """End a membership; everything it allowed is refused from now on."""
    account = await policy.access_organization(db, viewer, name, Role.ADMIN)
    await service.remove_member(db, account.id, user)


async def _me(db: AsyncSession, viewer: Viewer) -> MeOut:
    person = await service.person(db, viewer.require_user())
    return MeOut(
        id=person.account.id,
        name=person.account.name,
        display_name=person.account.display_name,
        email=person.user.email,
        bio=person.user.bio,
        language=person.user.language,
        theme=person.user.theme,
        is_admin=person.user.is_admin,
        is_moderator=person.user.is_moderator,
        standing=[
            StandingOut.model_validate(one)
            for one in await service.standings_of(db, person.account.id)
            if not one.is_over
        ],
        scopes=sorted(scope.value for scope in viewer.scopes),
        token_name=viewer.token_name,
        organizations=await _organizations(db, viewer),
    )


async def _organizations(db: AsyncSession, viewer: Viewer) -> list[OrganizationItem]:
    mine = await service.organizations_of(db, viewer.require_user())
    return [
        OrganizationItem(name=ref.name, display_name=ref.display_name, role=role)
        for ref, role in mine
    ]


async def _organization(db: AsyncSession, viewer: Viewer, account: Account) -> OrganizationOut:
    organization, members = await service.organization_settings(db, account.id)
    return OrganizationOut(
        name=account.name,
        display_name=account.display_name,
        description=organization.description,
        default_private=organization.default_private,
        role=await policy.role_for(db, viewer, account.id),
        members=[
            MemberOut(
                name=member.account.name,
                display_name=member.account.display_name,
                role=member.role,
            )
            for member in members
        ],
    )
