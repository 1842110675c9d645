"""What a route asks for: a transaction, the viewer, and the parts of the site.

Every route names its viewer through one of the aliases below, which also state the scope a token
needs; an architecture test refuses a route that names none and is not on the public list.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, cast

from fastapi import Depends, Request, Security
from fastapi.security import SecurityScopes

from app.core import i18n
from app.core.db import AsyncSession, Database
from app.core.errors import UnauthorizedError
from app.core.runtime.state import Runtime
from app.core.security import ANONYMOUS, Scope, Viewer
from app.core.settings import Settings
from app.core.storage import BlobStore

Authenticator = Callable[[AsyncSession, Request], Awaitable[Viewer | None]]


def database(request: Request) -> Database:
    """Return the process's database; streaming routes open their own transactions with it."""
    return cast("Database", request.app.state.database)


def storage_of(request: Request) -> BlobStore:
    """Return the process's object store."""
    return cast("BlobStore", request.app.state.storage)


def site_settings(request: Request) -> Settings:
    """Return the settings this application was made with."""
    return cast("Settings", request.app.state.settings)


def runtime_of(request: Request) -> Runtime:
    """Return what administrators changed while the site runs."""
    return cast("Runtime", request.app.state.runtime)


def site_address(request: Request) -> str:
    """Return the address under which clients reach this site, without a slash at its end."""
    return (site_settings(request).site_url or str(request.base_url)).rstrip("/")


async def _transaction(request: Request) -> AsyncIterator[AsyncSession]:
    async with database(request).transaction() as db:
        yield db


# scope="function": commit before the response leaves, so a failed commit is an error, not a lie.
Db = Annotated[AsyncSession, Depends(_transaction, scope="function")]
SiteSettings = Annotated[Settings, Depends(site_settings)]


async def identify(request: Request, db: AsyncSession) -> Viewer:
    """Ask each authenticator in turn; the first that knows the credential decides.

    Raises:
        UnauthorizedError: a credential was sent and is not valid.
    """
    if (known := getattr(request.state, "viewer", None)) is not None:
        return cast("Viewer", known)
    viewer = ANONYMOUS
    for authenticate in request.app.state.authenticators:
        found = await authenticate(db, request)
        if found is not None:
            viewer = found
            break
    else:
        if request.headers.get("authorization"):
            # Going on as a visitor would hide from a program that its token is not one of ours.
            raise UnauthorizedError(
                "Invalid credentials in Authorization header.",
                fix="Make an access token under Settings, Access tokens.",
                code="invalid_token",
                headers={"WWW-Authenticate": 'Basic realm="Tuningfork"'},
            )
    request.state.viewer = viewer
    if viewer.session_id is not None and viewer.language and "lang" not in request.query_params:
        i18n.set_language(viewer.language)  # what a person chose goes before the browser's wish
    return viewer


async def recheck(request: Request, db: AsyncSession, viewer: Viewer) -> None:
    """Pass only while the credential of a long request is still worth what it was.

    Raises:
        UnauthorizedError: it was taken back, or has ended.
    """
    for authenticate in request.app.state.authenticators:
        found = await authenticate(db, request)
        if found is not None and found.user_id == viewer.user_id:
            return
    raise UnauthorizedError(i18n._("Sign in first."))


async def _viewer(request: Request, db: Db, required: SecurityScopes) -> Viewer:
    viewer = await identify(request, db)
    return _checked(viewer, required)


async def _signed_in(request: Request, db: Db, required: SecurityScopes) -> Viewer:
    viewer = await identify(request, db)
    viewer.require_user()  # first: a visitor shall sign in, not look for a scope
    return _checked(viewer, required)


async def _viewer_briefly(request: Request, required: SecurityScopes) -> Viewer:
    """For routes that wait for somebody else: no connection is held meanwhile."""
    async with database(request).transaction() as db:
        return await _viewer(request, db, required)


async def _signed_in_briefly(request: Request, required: SecurityScopes) -> Viewer:
    """For routes that take long bodies: no connection is held while the bytes come in."""
    async with database(request).transaction() as db:
        return await _signed_in(request, db, required)


def _checked(viewer: Viewer, required: SecurityScopes) -> Viewer:
    for scope in required.scopes:
        viewer.require_scope(Scope(scope))
    return viewer


# May be a visitor, and nothing behind the route needs a scope: sign-in, language, theme.
Anybody = Annotated[Viewer, Security(_viewer, scopes=[])]
# May be a visitor; a token must still carry the scope.
RepoReader = Annotated[Viewer, Security(_viewer, scopes=[Scope.REPOS_READ.value])]
WaitingVisitor = Annotated[Viewer, Security(_viewer_briefly, scopes=[])]
WaitingRepoReader = Annotated[Viewer, Security(_viewer_briefly, scopes=[Scope.REPOS_READ.value])]
JobReader = Annotated[Viewer, Security(_viewer, scopes=[Scope.JOBS_READ.value])]
# Somebody is signed in.
RepoWriter = Annotated[Viewer, Security(_signed_in, scopes=[Scope.REPOS_WRITE.value])]
StreamingRepoWriter = Annotated[
    Viewer, Security(_signed_in_briefly, scopes=[Scope.REPOS_WRITE.value])
]
JobWriter = Annotated[Viewer, Security(_signed_in, scopes=[Scope.JOBS_WRITE.value])]
CommunityWriter = Annotated[Viewer, Security(_signed_in, scopes=[Scope.COMMUNITY_WRITE.value])]
AccountViewer = Annotated[Viewer, Security(_signed_in, scopes=[Scope.ACCOUNT.value])]
AnySignedIn = Annotated[Viewer, Security(_signed_in, scopes=[])]
WaitingAccountViewer = Annotated[Viewer, Security(_signed_in_briefly, scopes=[Scope.ACCOUNT.value])]
WaitingSignedIn = Annotated[Viewer, Security(_signed_in_briefly, scopes=[])]
ModeratorViewer = Annotated[Viewer, Security(_signed_in, scopes=[Scope.MODERATION.value])]
AdminViewer = Annotated[Viewer, Security(_signed_in, scopes=[Scope.ADMIN.value])]
