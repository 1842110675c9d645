"""Starting and watching imports from programs."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.core.http import AnySignedIn, Db, RepoReader, RepoWriter, SiteSettings
from app.imports import service
from app.imports.addresses import ImportId
from app.imports.policy import access_import
from app.imports.schemas import ImportIn, ImportOut, ImportPage, RetryIn, UpstreamOut
from app.imports.upstreams import upstreams

router = APIRouter(prefix="/api/v1", tags=["imports"], max_body_size=64 * 1024)


@router.get("/upstreams")
async def list_upstreams(settings: SiteSettings, _viewer: AnySignedIn) -> list[UpstreamOut]:
    """List the hubs that one may import from; none means that importing is off."""
    return [UpstreamOut(name=one.name, url=one.url) for one in upstreams(settings)]


@router.post("/imports", status_code=202)
async def start_import(
    body: ImportIn, settings: SiteSettings, response: Response, db: Db, viewer: RepoWriter
) -> ImportOut:
    """Bring in a model or a data set from another hub, in the background.

    The token is only used for this import and forgotten when it has ended.
    """
    job = await service.start(db, settings, viewer, body)
    response.headers["Location"] = f"/api/v1/imports/{job.id}"
    return service.described(job)


@router.get("/imports")
async def list_imports(
    db: Db,
    viewer: RepoReader,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 30,
) -> ImportPage:
    """List your own imports, newest first."""
    page = await service.list_imports(db, viewer, cursor, limit)
    return ImportPage(
        items=[service.described(job) for job in page.items], next_cursor=page.next_cursor
    )


@router.get("/imports/{import_id}")
async def get_import(import_id: ImportId, db: Db, viewer: RepoReader) -> ImportOut:
    """Return one import and how far it is."""
    return service.described(await access_import(db, viewer, import_id))


@router.post("/imports/{import_id}/cancel", status_code=202)
async def cancel_import(import_id: ImportId, db: Db, viewer: RepoWriter) -> ImportOut:
    """Stop an import; what has arrived is kept for another try."""
    return service.described(await service.cancel(db, await access_import(db, viewer, import_id)))


@router.post("/imports/{import_id}/retry", status_code=202)
async def retry_import(
    import_id: ImportId, body: RetryIn, settings: SiteSettings, db: Db, viewer: RepoWriter
) -> ImportOut:
    """Go on with an import that failed or was cancelled."""
    job = await access_import(db, viewer, import_id)
    return service.described(await service.retry(db, settings, job, body.token))
