"""How a page's address becomes a repository and a discussion in it."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request, status
from fastapi.responses import HTMLResponse, RedirectResponse

from app.core.db import AsyncSession
from app.core.errors import AppError
from app.core.http import Db, RepoReader, RepoWriter, site_address, storage_of
from app.core.markdown import Links
from app.core.security import Viewer
from app.core.storage import BlobStore
from app.core.templating import render
from app.hub import policy
from app.hub.schemas import MAIN, RepositoryKind
from app.hub.service import MovedError, Repository
from app.hub.service.frames import Frame, open_frame


@dataclass(frozen=True)
class Room:
    """A repository whose discussions somebody looks at, and what is needed to act there."""

    request: Request
    db: AsyncSession
    storage: BlobStore
    viewer: Viewer
    at: Frame
    may_open_files: bool

    @property
    def repository(self) -> Repository:
        """The repository."""
        return self.at.repository

    @property
    def url(self) -> str:
        """The list of its discussions."""
        return f"{self.at.url}/discussions"

    @property
    def links(self) -> Links:
        """Where relative addresses in comments lead."""
        return Links(f"{self.at.url}/blob/{MAIN}/", f"{self.at.url}/resolve/{MAIN}/", "/")

    async def renew(self) -> None:
        """Read the repository again after what was begun with it has been rolled back."""
        await self.db.refresh(self.repository)

    def show(
        self, template: str, *, problem: AppError | None = None, **context: Any
    ) -> HTMLResponse:
        """Return a page of this repository; what went wrong stands in it."""
        return render(
            self.request,
            template,
            viewer=self.viewer,
            status=problem.status if problem else 200,
            at=self.at,
            room=self,
            error=problem.message if problem else "",
            fix=problem.fix if problem else "",
            **context,
        )


def _kind_of(request: Request) -> RepositoryKind:
    is_dataset = request.url.path.startswith("/datasets/")
    return RepositoryKind.DATASET if is_dataset else RepositoryKind.MODEL


async def _open(request: Request, db: AsyncSession, viewer: Viewer, owner: str, name: str) -> Room:
    kind = _kind_of(request)
    try:
        found = await policy.access_repository(db, viewer, kind, owner, name)
    except MovedError as moved:
        rest = request.url.path[len(f"/{kind.web_prefix}{owner}/{name}") :]
        address = f"/{moved.kind.web_prefix}{moved.owner}/{moved.name}{rest}"
        raise HTTPException(
            status.HTTP_307_TEMPORARY_REDIRECT,
            "This repository has moved.",
            {"Location": address},
        ) from moved
    frame = await open_frame(db, viewer, found, site_address(request))
    may_open = await policy.may_open_files(db, viewer, found)
    return Room(request, db, storage_of(request), viewer, frame, may_open)


async def _readable(request: Request, db: Db, viewer: RepoReader, owner: str, name: str) -> Room:
    return await _open(request, db, viewer, owner, name)


async def _joinable(request: Request, db: Db, viewer: RepoWriter, owner: str, name: str) -> Room:
    return await _open(request, db, viewer, owner, name)


# Where everybody who may see the repository reads; where whoever is signed in writes.
ReadRoom = Annotated[Room, Depends(_readable)]
WriteRoom = Annotated[Room, Depends(_joinable)]


def see(address: str) -> RedirectResponse:
    """Send the browser to look at the result of what it posted."""
    return RedirectResponse(address, status.HTTP_303_SEE_OTHER)
