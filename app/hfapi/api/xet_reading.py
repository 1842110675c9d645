"""Xet, the way back: what a file is made of, and the bytes of bundles by address."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from app.buckets import policy as buckets
from app.buckets import service as bucket_files
from app.core.downloads import half_open_range
from app.core.errors import ForbiddenError
from app.core.http import Db, storage_of
from app.hfapi.api.xet import READ, bucket_holder, check_hash, granted, holder
from app.hfapi.context import base_url, signing_key
from app.hfapi.signing import READ_LIFETIME_S, BytesGrant, Grant, issue_bytes, read_bytes
from app.hub import policy
from app.hub.service import xet_reading
from app.hub.service.xet_reading import Part, Reconstruction

router = APIRouter(prefix="/xet/{generation}/{scope}", include_in_schema=False)
bytes_router = APIRouter(include_in_schema=False)

# A client on a slow line asks for new addresses when the old ones are answered with 403.
_LINK_LIFETIME = timedelta(seconds=READ_LIFETIME_S)
_NO_STORE = {"Cache-Control": "no-store"}


async def reader(request: Request) -> Grant:
    """Return what a token for fetching allows.

    Raises:
        UnauthorizedError: there is none, or it has expired.
    """
    return granted(request, READ)


Reader = Annotated[Grant, Depends(reader)]


async def _found(request: Request, db: Db, grant: Reader, file_hash: str) -> Reconstruction:
    wanted = half_open_range(request.headers.get("range", "")) or (0, None)
    if grant.bucket_id:
        bucket = await buckets.access_by_id(db, bucket_holder(grant), grant.bucket_id)
        return await bucket_files.reconstruction(db, bucket, check_hash(file_hash), wanted)
    repository = await policy.access_by_id(db, holder(grant), grant.repository_id)
    return await xet_reading.reconstruction(db, repository, check_hash(file_hash), wanted)


Found = Annotated[Reconstruction, Depends(_found)]


@router.get("/v1/reconstructions/{file_hash}")
async def reconstruct(request: Request, found: Found) -> Response:
    """Answer what a file, or a range of it, is made of: an address for each part."""
    fetch: dict[str, list[dict[str, Any]]] = {}
    for part in joined(found.parts):
        row = {"range": _chunks(part), "url": _address(request, part), "url_range": _bytes(part)}
        fetch.setdefault(part.xorb, []).append(row)
    return JSONResponse(_terms(found) | {"fetch_info": fetch}, headers=_NO_STORE)


@router.get("/v2/reconstructions/{file_hash}")
async def reconstruct_v2(request: Request, found: Found) -> Response:
    """Answer the same in the newer shape."""
    fetch: dict[str, list[dict[str, Any]]] = {}
    for part in joined(found.parts):
        ranges = [{"chunks": _chunks(part), "bytes": _bytes(part)}]
        row = {"url": _address(request, part), "ranges": ranges}
        fetch.setdefault(part.xorb, []).append(row)
    return JSONResponse(_terms(found) | {"xorbs": fetch}, headers=_NO_STORE)


def joined(parts: Sequence[Part]) -> list[Part]:
    """Return what is to be fetched: runs of one bundle that overlap become one.

    A file that repeats itself names the same chunks twice; clients take for a term the first run
    that begins where it begins, and fail if that one is shorter.
    """
    runs: list[Part] = []
    for part in sorted(parts, key=lambda part: (part.xorb, part.first)):
        if runs and runs[-1].xorb == part.xorb and part.first < runs[-1].last:
            last = runs[-1]
            runs[-1] = replace(last, last=max(last.last, part.last), end=max(last.end, part.end))
        else:
            runs.append(part)
    return runs


def _terms(found: Reconstruction) -> dict[str, Any]:
    terms = [
        {"hash": part.xorb, "unpacked_length": part.size, "range": _chunks(part)}
        for part in found.parts
    ]
    return {"offset_into_first_range": found.skip, "terms": terms}


def _chunks(part: Part) -> dict[str, int]:
    return {"start": part.first, "end": part.last}


def _bytes(part: Part) -> dict[str, int]:
    return {"start": part.start, "end": part.end - 1}


def _address(request: Request, part: Part) -> str:
    """Return where these bytes are to be had without another credential, for a while."""
    signed = storage_of(request).signed_url(part.key, expires=_LINK_LIFETIME)
    if signed is not None:
        return signed
    ends = int(time.time() + _LINK_LIFETIME.total_seconds())
    grant = BytesGrant(part.key, part.start, part.end, ends)
    return f"{base_url(request)}/xet-bytes?grant={issue_bytes(signing_key(request), grant)}"


async def bytes_grant(request: Request) -> BytesGrant:
    """Return which bytes the address of this request allows.

    Raises:
        UnauthorizedError: it was not made here.
        ForbiddenError: it has ended.
    """
    return read_bytes(signing_key(request), request.query_params.get("grant", ""))


@bytes_router.get("/xet-bytes")
async def send_bytes(
    request: Request, grant: Annotated[BytesGrant, Depends(bytes_grant)]
) -> Response:
    """Send those packed bytes that the address was made for.

    Raises:
        ForbiddenError: other bytes of the same bundle were asked for, or all of them.
    """
    start, end = half_open_range(request.headers.get("range", "")) or (0, None)
    if end is None or not grant.start <= start < end <= grant.end:
        raise ForbiddenError("This address is for other bytes: send its range.")
    headers = {
        "Content-Length": str(end - start),
        "Content-Range": f"bytes {start}-{end - 1}/*",
        "Cache-Control": "no-store",
    }
    return StreamingResponse(
        storage_of(request).read(grant.key, start, end),
        status_code=206,
        headers=headers,
        media_type="application/octet-stream",
    )
