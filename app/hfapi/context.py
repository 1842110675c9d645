"""What every route of the protocol needs: the repository it is about, and addresses to answer."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response

from app.core.db import AsyncSession
from app.core.errors import AppError, NotFoundError, UnauthorizedError
from app.core.http import Db, RepoReader, RepoWriter
from app.core.paths import plain
from app.core.security import Scope, Viewer
from app.core.settings import Settings
from app.hub import policy
from app.hub.schemas import RepositoryKind
from app.hub.service import Repository, repository_not_found

LARGE_PAGE = 10_000


def kind_of(request: Request) -> RepositoryKind:
    """Return which kind an address is about: `…/datasets/…` or anything else."""
    parts = request.url.path.split("/")[1:3]
    return RepositoryKind.DATASET if "datasets" in parts[:2] else RepositoryKind.MODEL


def base_url(request: Request) -> str:
    """Return the address under which the client reached this site, without a slash at the end."""
    return str(request.base_url).rstrip("/")


def signing_key(request: Request) -> str:
    """Return the key that signs credentials of the protocol."""
    settings: Settings = request.app.state.settings
    return settings.secret_key.get_secret_value()


def repository_url(request: Request, repository: Repository) -> str:
    """Return the address of the repository's page, on the host the client used."""
    path = f"{repository.kind.web_prefix}{repository.owner_name}/{repository.name}"
    return f"{base_url(request)}/{path}"


def next_link(request: Request, **changes: str) -> str:
    """Return a `Link` header to the next page: absolute, as clients need it."""
    raw_path = request.scope["raw_path"].decode("latin-1").split("?")[0]
    query = request.url.include_query_params(**changes).query
    return f'<{base_url(request)}{raw_path}?{query}>; rel="next"'


def set_location(request: Request, moved: policy.MovedError, owner: str, name: str) -> None:
    """Say in the redirect where the same request would be answered."""
    raw = request.scope["raw_path"].decode("latin-1").split("?")[0]
    target = raw.replace(f"/{owner}/{name}", f"/{moved.owner}/{moved.name}", 1)
    query = request.scope.get("query_string", b"").decode("latin-1")
    moved.headers["Location"] = target + (f"?{query}" if query else "")


async def find_repository(
    request: Request, db: AsyncSession, viewer: Viewer, owner: str, name: str
) -> Repository:
    """Return the repository of this address if the viewer may see it.

    Raises:
        NotFoundError: missing or invisible.
        UnauthorizedError: missing or invisible, and nobody is signed in.
        MovedError: it has another address now.
    """
    name = name.removesuffix(".git")
    try:
        return await policy.access_repository(db, viewer, kind_of(request), owner, name)
    except policy.MovedError as moved:
        set_location(request, moved, owner, name)
        raise
    except NotFoundError as error:
        raise unknown(viewer) from error


def unknown(viewer: Viewer) -> AppError:
    """Return the answer for a missing or invisible repository: a visitor is asked who they are."""
    missing = repository_not_found()
    if viewer.is_signed_in:
        return missing
    return UnauthorizedError(
        missing.message, fix=missing.fix, code=missing.code, headers=missing.headers
    )


async def _readable(
    request: Request, db: Db, viewer: RepoReader, owner: str, name: str
) -> Repository:
    return await find_repository(request, db, viewer, owner, name)


Readable = Annotated[Repository, Depends(_readable)]


async def _writable(
    request: Request, db: Db, viewer: RepoWriter, owner: str, name: str
) -> Repository:
    return await writable(request, db, viewer, owner, name)


Writable = Annotated[Repository, Depends(_writable)]


async def writable(
    request: Request, db: AsyncSession, viewer: Viewer, owner: str, name: str
) -> Repository:
    """Return the repository if the viewer may commit to it.

    Raises:
        NotFoundError: missing or invisible.
        ForbiddenError: visible, but not theirs to write.
    """
    repository = await find_repository(request, db, viewer, owner, name)
    viewer.require_scope(Scope.REPOS_WRITE)
    if not await policy.may_write(db, viewer, repository):
        raise policy.forbidden()
    return repository


def opens_pull_request(request: Request) -> bool:
    """Whether the client wants its commit to open a pull request."""
    return request.query_params.get("create_pr", "").lower() in {"1", "true"}


async def committable(  # who, where, and the branch
    request: Request, db: AsyncSession, viewer: Viewer, owner: str, name: str, rev: str
) -> Repository:
    """Return the repository if the viewer may commit to `rev`, or propose with `?create_pr=1`.

    Raises:
        NotFoundError: missing or invisible.
        ForbiddenError: visible, but neither theirs to write nor a pull request of theirs.
    """
    repository = await find_repository(request, db, viewer, owner, name)
    viewer.require_scope(Scope.REPOS_WRITE)
    viewer.require_user()
    if opens_pull_request(request):
        await policy.require_files(db, viewer, repository)
        allowed = await policy.may_propose(db, viewer, repository)
    else:
        allowed = await policy.may_commit_to(db, viewer, repository, rev_of(rev))
    if not allowed:
        raise policy.forbidden()
    return repository


async def _committable(  # the parts of the address
    request: Request, db: Db, viewer: RepoWriter, owner: str, name: str, rev: str
) -> Repository:
    return await committable(request, db, viewer, owner, name, rev)


# What the viewer may commit to at `{rev}` of the address, or propose a change to.
Committable = Annotated[Repository, Depends(_committable)]


def rev_of(rev: str) -> str:
    """Return a revision from an address."""
    return plain(rev)


@dataclass(frozen=True)
class PageRequest:
    """A request whose answer may have a next page."""

    request: Request
    response: Response
    db: Db

    def next_page(self, **changes: str) -> None:
        """Say where the next page is."""
        self.response.headers["Link"] = next_link(self.request, **changes)
