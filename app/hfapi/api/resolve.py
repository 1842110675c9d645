"""Downloading: `/{owner}/{name}/resolve/{rev}/{path}`, exactly as clients expect it."""

from datetime import timedelta

from fastapi import APIRouter, Request, Response

from app.core.clock import now
from app.core.downloads import content_disposition, content_type, is_known, send_bytes
from app.core.http import Db, RepoReader, site_settings, storage_of
from app.core.paths import plain
from app.core.rate_limit import address_of
from app.core.security import Viewer, sign
from app.hfapi.context import Readable, base_url, rev_of, unknown
from app.hfapi.signing import READ_LIFETIME_S
from app.hub import policy, service
from app.hub.schemas import FileHandle

router = APIRouter(include_in_schema=False)

# Clients follow it at once, and come back here when they go on with a download that broke off.
_LINK_LIFETIME = timedelta(seconds=READ_LIFETIME_S)


@router.api_route("/{owner}/{name}/resolve/{rev}/{path:path}", methods=["GET", "HEAD"])
async def resolve(request: Request, db: Db, repository: Readable, rev: str, path: str) -> Response:
    """Send a file, or a range of it; large ones straight from the object store where it can."""
    await policy.require_files(db, request.state.viewer, repository)
    handle = await service.open_file(db, storage_of(request), repository, rev_of(rev), plain(path))
    if "x-hf-download-counter" in request.headers or "download" in request.query_params:
        await service.count_download(db, repository, _who(request), handle.commit)
    headers = _headers(handle) | _xet_headers(request, repository, handle)
    is_new = request.method == "GET" and not is_known(request, headers["ETag"])
    if is_new and (url := _signed(request, handle)):
        return Response(status_code=302, headers=headers | {"Location": url})
    return send_bytes(request, handle.size, handle.read, headers, content_type(handle.path))


@router.api_route("/{name}/resolve/{rev}/{path:path}", methods=["GET", "HEAD"])
async def resolve_bare_name(viewer: RepoReader, name: str, rev: str, path: str) -> Response:
    """Answer names without an owner as a missing repository: here every one has an owner."""
    del name, rev, path
    raise unknown(viewer)


def _headers(handle: FileHandle) -> dict[str, str]:
    headers = {
        "ETag": f'"{handle.etag}"',
        "X-Repo-Commit": handle.commit,
        "Content-Disposition": content_disposition(handle.path),
        "Cache-Control": "private, no-cache",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if handle.lfs_sha256:
        headers["X-Linked-ETag"] = f'"{handle.lfs_sha256}"'
        headers["X-Linked-Size"] = str(handle.size)
    return headers


def _xet_headers(
    request: Request, repository: service.Repository, handle: FileHandle
) -> dict[str, str]:
    """Return where a Xet client fetches the file in parallel, if it lies in bundles."""
    if handle.xet_hash is None:
        return {}
    place = f"/api/{repository.kind.value}s/{repository.owner_name}/{repository.name}"
    route = f"{base_url(request)}{place}/xet-read-token/{handle.commit}"
    return {"X-Xet-Hash": handle.xet_hash, "Link": f'<{route}>; rel="xet-auth"'}


def _signed(request: Request, handle: FileHandle) -> str | None:
    if handle.lfs_sha256 is None or handle.storage_key is None:
        return None
    return storage_of(request).signed_url(
        handle.storage_key,
        expires=_LINK_LIFETIME,
        content_type=content_type(handle.path),
        disposition=content_disposition(handle.path),
    )


def _who(request: Request) -> str:
    """Return whom a download counts for: an account, or one address for a day."""
    viewer: Viewer = request.state.viewer
    if viewer.user_id is not None:
        return f"account {viewer.user_id}"
    key = site_settings(request).secret_key.get_secret_value()
    return sign(key, "download", f"{now().date()} {address_of(request)}")[:32]
