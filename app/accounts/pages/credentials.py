"""What stands for a person: the browsers they are signed in with, and their access tokens."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from app.accounts import service
from app.accounts.pages.browsers import browser_name
from app.accounts.pages.forms import FORM_PROBLEMS, TokenForm, form_page, see
from app.accounts.schemas import TokenRole
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import AppError
from app.core.http import AccountViewer, Db
from app.core.security import Scope, Viewer

router = APIRouter()


@router.get("/settings/sessions")
async def sessions_page(request: Request, db: Db, viewer: AccountViewer) -> Response:
    """List the browsers that are signed in."""
    sessions = await service.sessions_of(db, viewer.require_user())
    return form_page(
        request, "accounts/sessions.html", viewer, sessions=sessions, browser_name=browser_name
    )


@router.post("/settings/sessions/{session_id}/revoke")
async def end_session(db: Db, viewer: AccountViewer, session_id: int) -> Response:
    """Sign one browser out from afar."""
    await service.sign_out_session(db, viewer.require_user(), session_id)
    return see("/settings/sessions")


@router.post("/settings/sessions/revoke-others")
async def end_other_sessions(db: Db, viewer: AccountViewer) -> Response:
    """Sign every browser out but this one."""
    await service.sign_out_elsewhere(db, viewer.require_user(), viewer.session_id)
    return see("/settings/sessions")


@router.get("/settings/tokens")
async def tokens_page(request: Request, db: Db, viewer: AccountViewer) -> Response:
    """List the access tokens and show the form of a new one."""
    return await _tokens_page(request, db, viewer, TokenForm())


@router.post("/settings/tokens")
async def create_token(
    request: Request, db: Db, viewer: AccountViewer, form: Annotated[TokenForm, Form()]
) -> Response:
    """Make a token and show it, this once."""
    fine_grained = form.role is TokenRole.FINE_GRAINED
    try:
        secret = await service.create_token(
            db,
            viewer.require_user(),
            form.name,
            frozenset(form.scopes) if fine_grained else form.role,
            now() + timedelta(days=form.expires_in_days),
            granted=viewer.scopes,
        )
    except FORM_PROBLEMS as problem:
        return await _tokens_page(request, db, viewer, form, problem)
    return await _tokens_page(request, db, viewer, TokenForm(), secret=secret)


@router.post("/settings/tokens/{token_id}/revoke")
async def revoke_token(db: Db, viewer: AccountViewer, token_id: int) -> Response:
    """End a token at once."""
    await service.revoke_token(db, viewer.require_user(), token_id)
    return see("/settings/tokens")


async def _tokens_page(  # one page for the list, the mistake and the secret
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    form: TokenForm,
    problem: AppError | None = None,
    *,
    secret: str = "",
) -> Response:
    return form_page(
        request,
        "accounts/tokens.html",
        viewer,
        problem,
        form=form,
        secret=secret,
        tokens=await service.tokens_of(db, viewer.require_user()),
        scopes=[scope for scope in Scope if scope in viewer.scopes],
        now=now(),
    )
