"""Answering a request for stored bytes: whole, a range of them, or not at all if they are known."""

import mimetypes
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import cast
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Send

from app.core.errors import RangeError
from app.core.i18n import _

BINARY = "application/octet-stream"
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
# A browser may show these beside our pages; anything else it saves, whatever it holds.
_SHOWN = {"image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"}

Read = Callable[[int, int], AsyncIterator[bytes]]


class _Sending(StreamingResponse):
    """Closes what it reads from when the client or the site goes away in the middle."""

    async def stream_response(self, send: Send) -> None:
        async with aclosing(cast(AsyncGenerator[bytes], self.body_iterator)):
            await super().stream_response(send)


def send_bytes(
    request: Request, size: int, read: Read, headers: Mapping[str, str], media_type: str = BINARY
) -> Response:
    """Return the answer to a GET or HEAD; `If-None-Match`, `If-Range` and `Range` are obeyed.

    Args:
        request: what was asked.
        size: of the whole, in bytes.
        read: yields the bytes of a half-open range.
        headers: what else to say; `ETag` must be among them.
        media_type: what the bytes are.

    Raises:
        RangeError: the range lies beyond the end.
    """
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    part = None
    if request.headers.get("if-range", headers["ETag"]) == headers["ETag"]:
        part = byte_range(request.headers.get("range", ""), size)
    start, end = part or (0, size)
    told = {**headers, "Accept-Ranges": "bytes", "Content-Length": str(end - start)}
    if part:
        told["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 206 if part else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=told, media_type=media_type)
    return _Sending(read(start, end), status, told, media_type=media_type)


def is_known(request: Request, etag: str) -> bool:
    """Whether who asks has these bytes already."""
    return request.headers.get("if-none-match") == etag


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


def content_type(path: str) -> str:
    """Return the type to send: the file's own only where a browser does no harm with it."""
    guessed = _guess(path)
    if guessed in _SHOWN:
        return guessed
    if guessed.startswith("text/") or guessed in {"application/json", "application/yaml"}:
        return "text/plain"
    return BINARY


def _guess(path: str) -> str:
    return mimetypes.guess_type(path)[0] or BINARY


def content_disposition(path: str, *, may_show: bool = True) -> str:
    """Return the header that names the file when it is saved."""
    name = path.rsplit("/", 1)[-1]
    plain_name = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    how = "inline" if may_show and _guess(path) in _SHOWN else "attachment"
    return f"{how}; filename*=UTF-8''{quote(name, safe='')}; filename=\"{plain_name}\";"
