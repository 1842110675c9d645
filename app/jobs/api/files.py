"""Handing out a stored file, whole or a range of it."""

import re
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from app.core.errors import RangeError
from app.core.http import storage_of
from app.core.i18n import _
from app.jobs.service.files import storage_key
from app.jobs.tables import Artifact

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def file_response(request: Request, artifact: Artifact) -> Response:
    """Return the artifact's bytes as a download; `Range` and `If-None-Match` are obeyed.

    Raises:
        RangeError: the range lies beyond the end.
    """
    etag = f'"{artifact.sha256}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    start, end = _range(request.headers.get("range", ""), artifact.size)
    is_part = (start, end) != (0, artifact.size)
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Length": str(end - start),
        "Content-Disposition": _attachment(artifact.path),
        "Cache-Control": "private, no-cache",
    }
    if is_part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{artifact.size}"
    storage = storage_of(request)
    return StreamingResponse(
        storage.read(storage_key(artifact.sha256), start, end),
        status_code=206 if is_part else 200,
        headers=headers,
        # Never a type a browser would run: these bytes come from a training process.
        media_type="application/octet-stream",
    )


def _attachment(path: str) -> str:
    name = path.rsplit("/", 1)[-1]
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _range(header: str, size: int) -> tuple[int, int]:
    """Return the half-open range asked for; all of it when the header names none or several."""
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return 0, size
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if start >= end:
        raise RangeError(
            _("The range lies beyond the end of the file."),
            headers={"Content-Range": f"bytes */{size}"},
        )
    return start, end
