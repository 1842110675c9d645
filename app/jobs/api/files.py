"""Handing out a stored file, whole or a range of it."""

from collections.abc import AsyncIterator

from fastapi import Request, Response

from app.core.downloads import BINARY, content_disposition, send_bytes
from app.core.http import storage_of
from app.jobs.service.files import storage_key
from app.jobs.tables import Artifact


def file_response(request: Request, artifact: Artifact) -> Response:
    """Return the artifact's bytes as a download; `Range` and `If-None-Match` are obeyed.

    Raises:
        RangeError: the range lies beyond the end.
    """
    storage, key = storage_of(request), storage_key(artifact.sha256)

    def read(start: int, end: int) -> AsyncIterator[bytes]:
        return storage.read(key, start, end)

    is_picture = artifact.kind == "explanation" and artifact.path.endswith(".png")
    headers = {
        "ETag": f'"{artifact.sha256}"',
        "Content-Disposition": content_disposition(artifact.path, may_show=is_picture),
        "Cache-Control": "private, no-cache",
    }
    # Never a type a browser would run: these bytes come from a training process.
    return send_bytes(request, artifact.size, read, headers, "image/png" if is_picture else BINARY)
