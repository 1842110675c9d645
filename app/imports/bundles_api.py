"""Sending a repository out as one file, and taking one in."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, cast

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from app.core.http import (
    Db,
    RepoReader,
    SiteSettings,
    StreamingRepoWriter,
    database,
    storage_of,
)
from app.hub import policy
from app.hub.schemas import RepositoryKind
from app.hub.service import repository_not_found
from app.hub.service.bundles import BundleTaker, BundleTarget, bundle_stream, plan_bundle

router = APIRouter(prefix="/api/v1/bundles", tags=["imports"])


class BundleOut(BaseModel):
    """The repository that a bundle became."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    repo: str
    url: str
    commit: str


def _kind(plural: str) -> RepositoryKind:
    for kind in RepositoryKind:
        if plural == kind.plural:
            return kind
    raise repository_not_found()


@router.get("/{plural}/{owner}/{name}", response_class=StreamingResponse)
async def export_bundle(  # noqa: PLR0913, PLR0917  # one argument a part of the address
    request: Request,
    db: Db,
    viewer: RepoReader,
    plural: str,
    owner: str,
    name: str,
    revision: Annotated[str, Query(max_length=200)] = "",
) -> StreamingResponse:
    """Download a repository as one file: every branch and tag, or one revision as `main`."""
    try:
        repository = await policy.access_repository(db, viewer, _kind(plural), owner, name)
    except policy.MovedError as moved:
        raise repository_not_found() from moved
    await policy.require_files(db, viewer, repository)
    plan = await plan_bundle(db, repository, revision)
    return StreamingResponse(
        bundle_stream(database(request), storage_of(request), plan),
        media_type="application/x-tar",
        headers={
            "Content-Disposition": f'attachment; filename="{repository.name}.bundle.tar"',
            "Cache-Control": "private, no-store",
        },
    )


@router.put("/{plural}/{owner}/{name}", status_code=201)
async def import_bundle(  # noqa: PLR0913  # one argument a part of the address
    request: Request,
    settings: SiteSettings,
    viewer: StreamingRepoWriter,
    plural: str,
    owner: str,
    name: str,
    *,
    private: bool | None = None,
) -> BundleOut:
    """Take a bundle in as a repository, with the same commits; all of it or nothing."""
    taker = BundleTaker(database(request), storage_of(request), viewer, settings.max_upload_bytes)
    target = BundleTarget(_kind(plural), owner, name, private)
    async with _spool(settings.data_dir / "spool") as spool:
        commit = await taker.take(request.stream(), spool, target)
    return BundleOut(
        repo=f"{owner}/{name}", url=f"/{target.kind.web_prefix}{owner}/{name}", commit=commit.oid
    )


@asynccontextmanager
async def _spool(folder: Path) -> AsyncIterator[BinaryIO]:
    """Give a file without a name, which is gone when it is closed."""
    file = await asyncio.to_thread(_temporary, folder)
    try:
        yield file
    finally:
        file.close()


def _temporary(folder: Path) -> BinaryIO:
    folder.mkdir(parents=True, exist_ok=True)
    return cast("BinaryIO", tempfile.TemporaryFile(dir=folder))
