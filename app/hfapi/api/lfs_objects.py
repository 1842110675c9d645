"""The addresses that a Git LFS batch hands out: each for one person, one file, one purpose."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from app.core.downloads import send_bytes
from app.core.errors import NotFoundError, UnauthorizedError
from app.core.http import Db, database, storage_of
from app.core.security import Viewer
from app.core.storage import Digest
from app.hfapi.context import base_url, signing_key
from app.hfapi.signing import READ_LIFETIME_S, WRITE_LIFETIME_S, Grant, expiry, issue, read
from app.hub import service
from app.hub.policy import access_by_id
from app.hub.service import Repository, check_sha256, lfs_uploads, uploads

router = APIRouter(include_in_schema=False)

# A hundred gigabytes on a slow line take most of a day, and clients ask for addresses only once.
PARTS_LIFETIME_S = 24 * 3600
_SLOW_LINE = 64 * 1024  # bytes a second
# Whoever has an address of the store itself needs nothing else, so it does not live long.
STORE_LIFETIME = timedelta(seconds=READ_LIFETIME_S)


def upload_lifetime_s(batch_bytes: int) -> int:
    """Return how long the addresses of a batch for sending live: as long as a slow line needs.

    The stock client sends hundreds of files one after the other and does not ask again in between.
    A longer life costs little here: such an address takes nothing but the bytes it was made for.
    """
    return min(WRITE_LIFETIME_S + batch_bytes // _SLOW_LINE, PARTS_LIFETIME_S)


def address(  # whose, where, what, for what
    request: Request,
    viewer: Viewer,
    repository: Repository,
    digest: Digest,
    action: str,
    lifetime_s: int = READ_LIFETIME_S,
) -> dict[str, Any]:
    """Return the address for one action on one object, as a batch answers it.

    The actions are `upload`, `parts` (an upload in parts), `verify` and `download`.
    """
    grant = Grant(
        action,
        viewer.user_id or 0,
        repository.id,
        expiry(lifetime_s),
        sha256=digest.sha256,
        size=digest.size,
    )
    suffix = f"/{action}" if action in {"parts", "verify"} else ""
    credential = issue(signing_key(request), grant)
    href = f"{base_url(request)}/api/lfs/{digest.sha256}{suffix}?grant={credential}"
    return {"href": href, "expires_in": lifetime_s}


def part_addresses(part_size: int, num_parts: int, href: str) -> dict[str, str]:
    """Return where each part goes, as Hugging Face clients read it; numbers count from 1."""
    start, _mark, query = href.partition("?")
    return {"chunk_size": str(part_size)} | {
        str(number): f"{start}/{number}?{query}" for number in range(1, num_parts + 1)
    }


def _grant(action: str) -> Callable[[Request, str], Awaitable[Grant]]:
    async def granted(request: Request, oid: str) -> Grant:
        grant = read(signing_key(request), request.query_params.get("grant", ""), action)
        if grant.sha256 != check_sha256(oid):
            raise UnauthorizedError("This address is for another object.", code="bad_grant")
        return grant

    return granted


upload_grant, parts_grant = _grant("upload"), _grant("parts")
verify_grant, download_grant = _grant("verify"), _grant("download")
PartsGrant = Annotated[Grant, Depends(parts_grant)]


@router.put("/api/lfs/{oid}")
async def upload(request: Request, grant: Annotated[Grant, Depends(upload_grant)]) -> Response:
    """Take the bytes of one object from whom the address was made for."""
    expected = Digest(grant.sha256, grant.size)
    key, digest = await service.receive_bytes(
        storage_of(request), request.stream(), expected, grant.size
    )
    async with database(request).transaction() as db:
        repository = await access_by_id(db, _holder(grant), grant.repository_id)
        await service.link_received(db, repository, grant.user_id, [(key, digest)])
    return Response(status_code=200, headers={"ETag": f'"{digest.sha256}"'})


@router.put("/api/lfs/{oid}/parts/{number}")
async def upload_part(request: Request, grant: PartsGrant, number: int) -> Response:
    """Take one part; sent twice, the later one counts."""
    digest = Digest(grant.sha256, grant.size)
    async with database(request).transaction() as db:
        repository = await access_by_id(db, _holder(grant), grant.repository_id)
        found = await lfs_uploads.find_lfs_upload(db, repository, grant.user_id, digest)
    key, received = await lfs_uploads.receive_lfs_part(
        storage_of(request), found, number, request.stream()
    )
    async with database(request).transaction() as db:
        found = await lfs_uploads.find_lfs_upload(db, repository, grant.user_id, digest)
        await uploads.record_part(db, found, number, key, received)
    return Response(status_code=200, headers={"ETag": f'"{received.sha256}"'})


@router.post("/api/lfs/{oid}/parts")
async def complete(request: Request, grant: PartsGrant) -> Response:
    """Join the parts; what counts is the hash of the whole, not what the client lists."""
    async with database(request).transaction() as db:
        repository = await access_by_id(db, _holder(grant), grant.repository_id)
    await lfs_uploads.complete_lfs_upload(
        database(request),
        storage_of(request),
        repository,
        grant.user_id,
        Digest(grant.sha256, grant.size),
    )
    return Response(status_code=200)


@router.post("/api/lfs/{oid}/verify")
async def verify(db: Db, grant: Annotated[Grant, Depends(verify_grant)]) -> Response:
    """Say whether the object has arrived."""
    repository = await access_by_id(db, _holder(grant), grant.repository_id)
    known = await service.linked(db, repository, grant.sha256)
    if known is None or known.size != grant.size:
        raise NotFoundError("This object has not arrived.")
    return Response(status_code=200)


@router.get("/api/lfs/{oid}")
async def download(
    request: Request, db: Db, grant: Annotated[Grant, Depends(download_grant)]
) -> Response:
    """Send the bytes of one object to whom the address was made for."""
    repository = await access_by_id(db, _holder(grant), grant.repository_id)
    file = await service.linked_file(db, repository, grant.sha256)
    if file is None:
        raise NotFoundError("There is no such object here.")

    def read(start: int, end: int) -> AsyncIterator[bytes]:
        return file.read(storage_of(request), start, end)

    return send_bytes(request, file.size, read, {"ETag": f'"{grant.sha256}"'})


def _holder(grant: Grant) -> Viewer:
    """Return whom the grant was made for; the right was checked when it was made."""
    return Viewer(
        user_id=grant.user_id or None,
        is_admin=True,
        only_repos=frozenset({grant.repository_id}),
    )
