"""Downloading: `/{owner}/{name}/resolve/{rev}/{path}`, exactly as clients expect it."""

import mimetypes
import re
from datetime import timedelta
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from app.core.clock import now
from app.core.errors import RangeError
from app.core.http import Db, RepoReader, site_settings, storage_of
from app.core.i18n import _
from app.core.paths import plain
from app.core.rate_limit import address_of
from app.core.security import Viewer, sign
from app.hfapi.context import Readable, base_url, rev_of, unknown
from app.hub import policy, service
from app.hub.schemas import FileHandle

router = APIRouter(include_in_schema=False)

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
# A browser may show these beside our pages; anything else it saves, whatever it holds.
_SHOWN = {"image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"}
_LINK_LIFETIME = timedelta(hours=1)


@router.api_route("/{owner}/{name}/resolve/{rev}/{path:path}", methods=["GET", "HEAD"])
async def resolve(request: Request, db: Db, repository: Readable, rev: str, path: str) -> Response:
    """Send a file, or a range of it; large ones straight from the object store where it can."""
    await policy.require_files(db, request.state.viewer, repository)
    handle = await service.open_file(db, storage_of(request), repository, rev_of(rev), plain(path))
    if "x-hf-download-counter" in request.headers or "download" in request.query_params:
        await service.count_download(db, repository, _who(request), handle.commit)
    headers = _headers(handle) | _xet_headers(request, repository, handle)
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if request.method == "GET" and (url := _signed(request, handle)):
        return Response(status_code=302, headers=headers | {"Location": url})
    part = byte_range(request.headers.get("range", ""), handle.size)
    start, end = part or (0, handle.size)
    status = 206 if part else 200
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{handle.size}"
    headers["Content-Length"] = str(end - start)
    media_type = content_type(handle.path)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    return StreamingResponse(
        handle.read(start, end), status_code=status, headers=headers, media_type=media_type
    )


@router.api_route("/{name}/resolve/{rev}/{path:path}", methods=["GET", "HEAD"])
async def resolve_bare_name(viewer: RepoReader, name: str, rev: str, path: str) -> Response:
    """Answer names without an owner as a missing repository: here every one has an owner."""
    del name, rev, path
    raise unknown(viewer)


def _headers(handle: FileHandle) -> dict[str, str]:
    headers = {
        "ETag": f'"{handle.etag}"',
        "X-Repo-Commit": handle.commit,
        "Accept-Ranges": "bytes",
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


def content_type(path: str) -> str:
    """Return the type to send: the file's own only where a browser does no harm with it."""
    guessed = _guess(path)
    if guessed in _SHOWN:
        return guessed
    if guessed.startswith("text/") or guessed in {"application/json", "application/yaml"}:
        return "text/plain"
    return "application/octet-stream"


def _guess(path: str) -> str:
    return mimetypes.guess_type(path)[0] or "application/octet-stream"


def content_disposition(path: str) -> str:
    """Return the header that names the file when it is saved."""
    name = path.rsplit("/", 1)[-1]
    plain_name = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    how = "inline" if _guess(path) in _SHOWN else "attachment"
    return f"{how}; filename*=UTF-8''{quote(name, safe='')}; filename=\"{plain_name}\";"


def _who(request: Request) -> str:
    """Return whom a download counts for: an account, or one address for a day."""
    viewer: Viewer = request.state.viewer
    if viewer.user_id is not None:
        return f"account {viewer.user_id}"
    key = site_settings(request).secret_key.get_secret_value()
    return sign(key, "download", f"{now().date()} {address_of(request)}")[:32]


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the half-open range asked for; None if the header names none or several.

    Raises:
        RangeError: it begins beyond the end.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first:
        start, end = int(first), min(size, int(last) + 1) if last else size
    else:
        start, end = max(0, size - int(last)), size
    if start >= end:
        raise RangeError(
            _("The range lies beyond the end of the file."),
            headers={"Content-Range": f"bytes */{size}"},
        )
    return start, end


def half_open_range(header: str) -> tuple[int, int | None] | None:
    """Return the range `bytes=a-b` or `bytes=a-` as [a, b + 1); None if the header is neither."""
    match = _RANGE.fullmatch(header.strip())
    if match is None or not match[1]:
        return None
    return int(match[1]), int(match[2]) + 1 if match[2] else None
