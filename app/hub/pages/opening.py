"""How a page's address becomes a repository: found, allowed, or sent on to where it moved."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Request, status
from fastapi.responses import HTMLResponse, RedirectResponse

from app.core.db import AsyncSession
from app.core.http import Db, RepoReader, RepoWriter, site_address, storage_of
from app.core.paths import plain
from app.core.storage import BlobStore
from app.core.templating import render
from app.hub import policy
from app.hub.schemas import RepositoryKind
from app.hub.service.frames import Frame, open_frame

Route = TypeVar("Route", bound=Callable[..., Any])


def at_both(router: APIRouter, path: str, *methods: str) -> Callable[[Route], Route]:
    """Serve a route under `/owner/name` and under `/datasets/owner/name`; GET unless told."""

    def add(function: Route) -> Route:
        for prefix in ("/datasets/{owner}/{name}", "/{owner}/{name}"):
            router.add_api_route(
                prefix + path, function, methods=[*methods] or ["GET"], include_in_schema=False
            )
        return function

    return add


def kind_of(request: Request) -> RepositoryKind:
    """Return what kind of repository the address is about."""
    is_dataset = request.url.path.startswith("/datasets/")
    return RepositoryKind.DATASET if is_dataset else RepositoryKind.MODEL


async def _readable(request: Request, db: Db, viewer: RepoReader, owner: str, name: str) -> Frame:
    try:
        found = await policy.access_repository(db, viewer, kind_of(request), owner, name)
    except policy.MovedError as moved:
        raise _sent_on(request, moved, owner, name) from moved
    return await open_frame(db, viewer, found, site_address(request))


async def _writable(request: Request, db: Db, viewer: RepoWriter, owner: str, name: str) -> Frame:
    found = await policy.access_for_write(db, viewer, kind_of(request), owner, name)
    return await open_frame(db, viewer, found, site_address(request))


async def _managed(request: Request, db: Db, viewer: RepoWriter, owner: str, name: str) -> Frame:
    found = await policy.access_for_admin(db, viewer, kind_of(request), owner, name)
    return await open_frame(db, viewer, found, site_address(request))


# What the viewer may see, may commit to, may rename and delete.
Readable = Annotated[Frame, Depends(_readable)]
Writable = Annotated[Frame, Depends(_writable)]
Managed = Annotated[Frame, Depends(_managed)]
Storage = Annotated[BlobStore, Depends(storage_of)]


@dataclass(frozen=True)
class Place:
    """A revision and a path in a repository, and what is needed to read or write there."""

    at: Frame
    db: AsyncSession
    storage: BlobStore
    rev: str
    path: str

    @property
    def tree_url(self) -> str:
        """The page of the revision's top folder."""
        return f"{self.at.url}/tree/{quote(self.rev, safe='')}"

    def url(self, view: str) -> str:
        """Return the address of this path in a view: `tree`, `blob`, `resolve`."""
        return f"{self.at.url}/{view}/{quote(self.rev, safe='')}/{quote(self.path)}"


def _read_place(db: Db, at: Readable, storage: Storage, rev: str, path: str = "") -> Place:
    return Place(at, db, storage, plain(rev), plain(path).strip("/"))


def _write_place(db: Db, at: Writable, storage: Storage, rev: str, path: str = "") -> Place:
    return Place(at, db, storage, plain(rev), plain(path).strip("/"))


ReadPlace = Annotated[Place, Depends(_read_place)]
WritePlace = Annotated[Place, Depends(_write_place)]


def _sent_on(request: Request, moved: policy.MovedError, owner: str, name: str) -> HTTPException:
    start = f"/{moved.kind.web_prefix}"
    rest = request.url.path[len(f"{start}{owner}/{name}") :]
    query = f"?{request.url.query}" if request.url.query else ""
    address = f"{start}{moved.owner}/{moved.name}{rest}{query}"
    return HTTPException(
        status.HTTP_307_TEMPORARY_REDIRECT, "This repository has moved.", {"Location": address}
    )


def show(
    request: Request, template: str, frame: Frame, *, status_code: int = 200, **context: Any
) -> HTMLResponse:
    """Return a page of a repository; the template knows it as `at`."""
    return render(request, template, viewer=frame.viewer, status=status_code, at=frame, **context)


def see(address: str) -> RedirectResponse:
    """Send the browser to look at the result of what it posted."""
    return RedirectResponse(address, status.HTTP_303_SEE_OTHER)
