"""Git LFS: the batch call, and the addresses that it hands out."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from app.core.db import AsyncSession
from app.core.errors import BadRequestError, InvalidError, NotFoundError, UnauthorizedError
from app.core.http import Db, RepoReader, database, storage_of
from app.core.security import Scope, Viewer
from app.core.storage import Digest
from app.hfapi.context import base_url, find_repository, signing_key, writable
from app.hfapi.signing import LIFETIME_S, Grant, expiry, issue, read
from app.hub import service
from app.hub.policy import access_by_id
from app.hub.service import Repository, Sha256, check_sha256

router = APIRouter(include_in_schema=False)
objects_router = APIRouter(include_in_schema=False)

_MEDIA_TYPE = "application/vnd.git-lfs+json"


class LfsObjectIn(BaseModel):
    """One object of a batch."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    oid: Sha256
    size: int = Field(ge=0)


class BatchIn(BaseModel):
    """What a client wants to send or fetch."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    operation: str
    objects: list[LfsObjectIn] = Field(max_length=10_000)
    hash_algo: str = "sha256"


@router.post("/{owner}/{name}/info/lfs/objects/batch")
async def batch(request: Request, db: Db, viewer: RepoReader, owner: str, name: str) -> Response:
    """Answer for each object where to send it or fetch it, or that it is there already."""
    try:
        body = BatchIn.model_validate_json(await request.body())
    except ValueError as error:
        raise InvalidError("This is not a Git LFS batch with sha256 objects.") from error
    if body.operation == "upload":
        repository = await _for_upload(request, db, viewer, owner, name)
        rows = [await _upload_row(request, db, viewer, repository, item) for item in body.objects]
    elif body.operation == "download":
        repository = await find_repository(request, db, viewer, owner, name)
        rows = [await _download_row(request, db, viewer, repository, o) for o in body.objects]
    else:
        raise BadRequestError("The operation must be upload or download.")
    answer = {"transfer": "basic", "objects": rows, "hash_algo": "sha256"}
    return JSONResponse(answer, media_type=_MEDIA_TYPE)


async def _for_upload(
    request: Request, db: AsyncSession, viewer: Viewer, owner: str, name: str
) -> Repository:
    if not viewer.is_signed_in:
        raise UnauthorizedError(
            "Sign in first.", headers={"WWW-Authenticate": 'Basic realm="Tuningfork"'}
        )
    viewer.require_scope(Scope.REPOS_WRITE)
    return await writable(request, db, viewer, owner, name)


async def _upload_row(
    request: Request, db: AsyncSession, viewer: Viewer, repository: Repository, item: LfsObjectIn
) -> dict[str, Any]:
    row: dict[str, Any] = {"oid": item.oid, "size": item.size, "authenticated": True}
    limit = request.app.state.settings.max_upload_bytes
    if item.size > limit:
        return row | {"error": {"code": 422, "message": f"At most {limit} bytes a file."}}
    known = await service.linked(db, repository, item.oid)
    if known is not None:
        if known.size != item.size:
            return row | {"error": {"code": 422, "message": "This object has another size."}}
        return row
    actions = {
        "upload": _address(request, viewer, repository, item, "upload"),
        "verify": _address(request, viewer, repository, item, "verify"),
    }
    return row | {"actions": actions}


async def _download_row(
    request: Request, db: AsyncSession, viewer: Viewer, repository: Repository, item: LfsObjectIn
) -> dict[str, Any]:
    row: dict[str, Any] = {"oid": item.oid, "size": item.size, "authenticated": True}
    known = await service.linked(db, repository, item.oid)
    if known is None:
        return row | {"error": {"code": 404, "message": "There is no such object here."}}
    actions = {"download": _address(request, viewer, repository, item, "download")}
    return row | {"size": known.size, "actions": actions}


def _address(
    request: Request, viewer: Viewer, repository: Repository, item: LfsObjectIn, action: str
) -> dict[str, Any]:
    grant = Grant(
        action, viewer.user_id or 0, repository.id, expiry(), sha256=item.oid, size=item.size
    )
    credential = issue(signing_key(request), grant)
    suffix = "/verify" if action == "verify" else ""
    href = f"{base_url(request)}/api/lfs/{item.oid}{suffix}?grant={credential}"
    return {"href": href, "expires_in": LIFETIME_S}


def _grant(action: str) -> Callable[[Request, str], Awaitable[Grant]]:
    async def granted(request: Request, oid: str) -> Grant:
        grant = read(signing_key(request), request.query_params.get("grant", ""), action)
        if grant.sha256 != check_sha256(oid):
            raise UnauthorizedError("This address is for another object.", code="bad_grant")
        return grant

    return granted


upload_grant, verify_grant, download_grant = _grant("upload"), _grant("verify"), _grant("download")


@objects_router.put("/api/lfs/{oid}")
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


@objects_router.post("/api/lfs/{oid}/verify")
async def verify(db: Db, grant: Annotated[Grant, Depends(verify_grant)]) -> Response:
    """Say whether the object has arrived."""
    repository = await access_by_id(db, _holder(grant), grant.repository_id)
    known = await service.linked(db, repository, grant.sha256)
    if known is None or known.size != grant.size:
        raise NotFoundError("This object has not arrived.")
    return Response(status_code=200)


@objects_router.get("/api/lfs/{oid}")
async def download(
    request: Request, db: Db, grant: Annotated[Grant, Depends(download_grant)]
) -> Response:
    """Send the bytes of one object to whom the address was made for."""
    repository = await access_by_id(db, _holder(grant), grant.repository_id)
    file = await service.linked_file(db, repository, grant.sha256)
    if file is None:
        raise NotFoundError("There is no such object here.")
    headers = {"Content-Length": str(grant.size), "ETag": f'"{grant.sha256}"'}
    return StreamingResponse(
        file.read(storage_of(request)), headers=headers, media_type="application/octet-stream"
    )


def _holder(grant: Grant) -> Viewer:
    """Return whom the grant was made for; the right was checked when it was made."""
    return Viewer(
        user_id=grant.user_id or None,
        is_admin=True,
        only_repos=frozenset({grant.repository_id}),
    )
