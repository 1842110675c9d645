"""Who may come in by git, and how git is told otherwise."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, ParamSpec

from fastapi import Depends, Request, Response
from fastapi.responses import PlainTextResponse

from app.accounts import service as accounts
from app.core.db import AsyncSession
from app.core.errors import AppError, NotFoundError, UnauthorizedError
from app.core.http import database, identify
from app.core.i18n import _
from app.core.runtime import Flag
from app.core.security import Scope, Viewer
from app.hub import policy
from app.hub.schemas import RepositoryKind
from app.hub.service import Repository, packs

P = ParamSpec("P")
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Tuningfork"'}


async def caller(request: Request) -> Viewer:
    """Return who asks; no connection is held while a long body comes in."""
    async with database(request).transaction() as db:
        return await identify(request, db)


Caller = Annotated[Viewer, Depends(caller)]


def in_plain_text(
    route: Callable[P, Awaitable[Response]],
) -> Callable[P, Awaitable[Response]]:
    """Answer failures as text, which git shows to its user; a JSON body it would hide."""

    @wraps(route)
    async def answered(*args: P.args, **kwargs: P.kwargs) -> Response:
        try:
            return await route(*args, **kwargs)
        except AppError as error:
            text = f"{error.message}\n{error.fix}".strip() + "\n"
            return PlainTextResponse(text, status_code=error.status, headers=error.headers)

    return answered


async def open_repository(
    request: Request, db: AsyncSession, viewer: Viewer, owner: str, name: str
) -> Repository:
    """Return the repository of this address if its content may be fetched.

    Raises:
        UnauthorizedError: a visitor asks for what is missing or private; git then asks who it is.
        NotFoundError: somebody known asks for it.
        ForbiddenError: the token was not made for it.
        MovedError: it has another address now.
    """
    viewer.require_scope(Scope.REPOS_READ)
    repository = await find_repository(request, db, viewer, owner, name)
    await policy.require_files(db, viewer, repository)
    return repository


async def open_for_push(
    request: Request, db: AsyncSession, viewer: Viewer, owner: str, name: str
) -> Repository:
    """Return the repository if the viewer may push to it, if only to a pull request.

    Raises:
        UnauthorizedError: nobody is signed in.
        NotFoundError: missing or invisible.
        ForbiddenError: neither the viewer nor the token may change anything in it.
        MovedError: it has another address now.
    """
    if not viewer.is_signed_in:
        raise sign_in()
    repository = await find_repository(request, db, viewer, owner, name)
    viewer.require_scope(Scope.REPOS_WRITE)
    await accounts.require_switch(db, Flag.UPLOADS, viewer.user_id)
    if not await policy.may_write(db, viewer, repository):
        if not await policy.may_propose(db, viewer, repository):
            raise policy.forbidden()
        if not await packs.has_own_ref(db, repository, viewer.require_user()):
            raise policy.forbidden()
    return repository


async def find_repository(
    request: Request, db: AsyncSession, viewer: Viewer, owner: str, name: str
) -> Repository:
    """Return the repository of this address if the viewer may see it.

    Raises:
        UnauthorizedError: a visitor asks for what is missing or private.
        NotFoundError: somebody known asks for it.
        MovedError: it has another address now.
    """
    kind = RepositoryKind.MODEL
    if request.url.path.startswith("/datasets/"):
        kind = RepositoryKind.DATASET
    try:
        return await policy.access_repository(db, viewer, kind, owner, name.removesuffix(".git"))
    except NotFoundError:
        if not viewer.is_signed_in:
            raise sign_in() from None
        raise
    except policy.MovedError as moved:
        _set_location(request, moved, f"/{owner}/{name}")
        raise


def sign_in() -> UnauthorizedError:
    """Return what makes git ask for a name and a token."""
    return UnauthorizedError(
        _("Sign in first."),
        fix=_("Give an access token as the password."),
        headers=_CHALLENGE,
    )


def _set_location(request: Request, moved: policy.MovedError, old: str) -> None:
    raw = request.scope["raw_path"].decode("latin-1").split("?")[0]
    suffix = ".git" if old.endswith(".git") else ""
    target = raw.replace(old, f"/{moved.owner}/{moved.name}{suffix}", 1)
    moved.headers["Location"] = target + (f"?{request.url.query}" if request.url.query else "")
