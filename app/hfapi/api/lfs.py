"""Git LFS: the batch call, and locks, which a repository here does not have."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, ParamSpec

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from app.accounts import service as accounts
from app.core.db import AsyncSession
from app.core.errors import (
    AppError,
    BadRequestError,
    InvalidError,
    TooLargeError,
    UnauthorizedError,
    UnsupportedError,
)
from app.core.http import Db, RepoReader, storage_of
from app.core.runtime import Flag
from app.core.security import Scope, Viewer
from app.core.storage import Digest
from app.hfapi.api.lfs_objects import (
    PARTS_LIFETIME_S,
    STORE_LIFETIME,
    address,
    part_addresses,
    upload_lifetime_s,
)
from app.hfapi.context import find_repository
from app.hub import policy, service
from app.hub.schemas import MAX_PART_BYTES
from app.hub.service import Repository, Sha256, lfs_uploads, quotas, uploads
from app.hub.service.large_files import large_files

router = APIRouter(include_in_schema=False)

_MEDIA_TYPE = "application/vnd.git-lfs+json"
_CHALLENGE = {
    "WWW-Authenticate": 'Basic realm="Tuningfork"',
    "LFS-Authenticate": 'Basic realm="Tuningfork"',
}
P = ParamSpec("P")


def in_lfs_json(route: Callable[P, Awaitable[Response]]) -> Callable[P, Awaitable[Response]]:
    """Answer failures with a `message`, which git-lfs shows to its user."""

    @wraps(route)
    async def answered(*args: P.args, **kwargs: P.kwargs) -> Response:
        try:
            return await route(*args, **kwargs)
        except AppError as error:
            headers = dict(error.headers)
            if isinstance(error, UnauthorizedError):
                headers |= _CHALLENGE
            body = error.body() | {"message": f"{error.message} {error.fix}".strip()}
            return JSONResponse(body, error.status, headers, media_type=_MEDIA_TYPE)

    return answered


class LfsObjectIn(BaseModel):
    """One object of a batch."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    oid: Sha256
    size: int = Field(ge=0, le=1 << 50)


class BatchIn(BaseModel):
    """What a client wants to send or fetch."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    operation: str
    transfers: list[str] = ["basic"]
    objects: list[LfsObjectIn] = Field(max_length=10_000)
    hash_algo: str = "sha256"


@router.post("/{owner}/{name}/info/lfs/objects/batch")
@in_lfs_json
async def batch(request: Request, db: Db, viewer: RepoReader, owner: str, name: str) -> Response:
    """Answer for each object where to send it or fetch it, or that it is there already."""
    try:
        body = BatchIn.model_validate_json(await request.body())
    except ValueError as error:
        raise InvalidError("This is not a Git LFS batch with sha256 objects.") from error
    if body.hash_algo != "sha256":
        raise InvalidError("Objects are named by their sha256 here.")
    transfer = "basic"
    if body.operation == "upload":
        repository = await _for_upload(request, db, viewer, owner, name)
        transfer = "multipart" if _in_parts(body) else "basic"
        rows = await _upload_rows(request, db, viewer, repository, body)
    elif body.operation == "download":
        repository = await find_repository(request, db, viewer, owner, name)
        await policy.require_files(db, viewer, repository)
        rows = await _download_rows(request, db, viewer, repository, body)
    else:
        raise BadRequestError("The operation must be upload or download.")
    answer = {"transfer": transfer, "objects": rows, "hash_algo": "sha256"}
    return JSONResponse(answer, headers={"Cache-Control": "no-store"}, media_type=_MEDIA_TYPE)


def _in_parts(body: BatchIn) -> bool:
    """Whether the client can send parts, and some file is large enough to need it."""
    return "multipart" in body.transfers and any(o.size > MAX_PART_BYTES for o in body.objects)


async def _for_upload(
    request: Request, db: AsyncSession, viewer: Viewer, owner: str, name: str
) -> Repository:
    """Return the repository if the viewer may send it files.

    A client that opens a pull request does not say so here, so everybody may who could open one;
    what was sent shows up nowhere before somebody commits it.
    """
    if not viewer.is_signed_in:
        raise UnauthorizedError("Sign in first.")
    viewer.require_scope(Scope.REPOS_WRITE)
    await accounts.require_switch(db, Flag.UPLOADS, viewer.user_id)
    repository = await find_repository(request, db, viewer, owner, name)
    if await policy.may_write(db, viewer, repository):
        return repository
    if not await policy.may_propose(db, viewer, repository):
        raise policy.forbidden()
    return repository


async def _upload_rows(
    request: Request, db: AsyncSession, viewer: Viewer, repository: Repository, body: BatchIn
) -> list[dict[str, Any]]:
    limit = request.app.state.settings.max_upload_bytes
    # What another repository holds counts for nothing: the answer would tell that it is there.
    known = await service.linked_sizes(db, repository, {item.oid for item in body.objects})
    arriving = sum(item.size for item in body.objects if item.oid not in known)
    lives_s, full = upload_lifetime_s(arriving), await _full(db, repository, arriving)
    rows: list[dict[str, Any]] = []
    for item in body.objects:
        row: dict[str, Any] = {"oid": item.oid, "size": item.size, "authenticated": True}
        if item.size > limit:
            row["error"] = {"code": 422, "message": f"At most {limit} bytes a file."}
        elif known.get(item.oid, item.size) != item.size:
            row["error"] = {"code": 422, "message": "This object has another size."}
        elif item.oid not in known and full:
            row["error"] = {"code": 413, "message": full}
        elif item.oid not in known:
            digest = Digest(item.oid, item.size)
            if "multipart" in body.transfers and item.size > MAX_PART_BYTES:
                upload = await _upload_in_parts(request, db, viewer, repository, digest)
            else:
                upload = address(request, viewer, repository, digest, "upload", lives_s)
            # Asked for when everything has been sent.
            verify = address(request, viewer, repository, digest, "verify", PARTS_LIFETIME_S)
            row["actions"] = {"upload": upload, "verify": verify}
        rows.append(row)
    return rows


async def _full(db: AsyncSession, repository: Repository, arriving: int) -> str:
    """Return why there is no room for more, or nothing."""
    try:
        await quotas.require_room(db, repository.owner_id, arriving)
    except TooLargeError as error:
        return f"{error.message} {error.fix}"
    return ""


async def _upload_in_parts(
    request: Request, db: AsyncSession, viewer: Viewer, repository: Repository, digest: Digest
) -> dict[str, Any]:
    user_id = viewer.require_user()
    upload = await lfs_uploads.open_lfs_upload(db, repository, user_id, digest)
    whole = address(request, viewer, repository, digest, "parts", PARTS_LIFETIME_S)
    return whole | {
        "header": part_addresses(upload.part_size, uploads.num_parts(upload), whole["href"])
    }


async def _download_rows(
    request: Request, db: AsyncSession, viewer: Viewer, repository: Repository, body: BatchIn
) -> list[dict[str, Any]]:
    files = await large_files(db, repository, {item.oid for item in body.objects})
    rows: list[dict[str, Any]] = []
    for item in body.objects:
        row: dict[str, Any] = {"oid": item.oid, "size": item.size, "authenticated": True}
        file = files.get(item.oid)
        if file is None:
            row["error"] = {"code": 404, "message": "There is no such object here."}
        else:
            url = None
            if file.storage_key is not None:
                url = storage_of(request).signed_url(file.storage_key, expires=STORE_LIFETIME)
            there = {"href": url, "expires_in": int(STORE_LIFETIME.total_seconds())}
            here = address(request, viewer, repository, Digest(item.oid, file.size), "download")
            row |= {"size": file.size, "actions": {"download": there if url else here}}
        rows.append(row)
    return rows


@router.post("/{owner}/{name}/info/lfs/locks/verify")
@in_lfs_json
async def verify_locks(
    request: Request, db: Db, viewer: RepoReader, owner: str, name: str
) -> Response:
    """Say that nobody has locked anything: git-lfs asks before every push."""
    await _for_upload(request, db, viewer, owner, name)
    return JSONResponse({"ours": [], "theirs": []}, media_type=_MEDIA_TYPE)


@router.get("/{owner}/{name}/info/lfs/locks")
@in_lfs_json
async def list_locks(
    request: Request, db: Db, viewer: RepoReader, owner: str, name: str
) -> Response:
    """Say that there are no locks."""
    await find_repository(request, db, viewer, owner, name)
    return JSONResponse({"locks": []}, media_type=_MEDIA_TYPE)


@router.post("/{owner}/{name}/info/lfs/locks")
@router.post("/{owner}/{name}/info/lfs/locks/{lock}/unlock")
@in_lfs_json
async def change_lock(  # an address with or without a lock in it
    request: Request, db: Db, viewer: RepoReader, owner: str, name: str, lock: str = ""
) -> Response:
    """Say why nothing can be locked."""
    del lock
    await find_repository(request, db, viewer, owner, name)
    raise UnsupportedError(
        "Files cannot be locked here: two changes to one file meet in a pull request.",
        fix="Work without locks: git config lfs.locksverify false",
    )
