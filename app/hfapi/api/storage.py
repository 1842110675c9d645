"""Copies of repositories, and the large files inside one."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from app.core.errors import BadRequestError, NotFoundError
from app.core.http import Db, RepoWriter, storage_of
from app.core.pagination import decode_cursor, encode_cursor
from app.hfapi import views
from app.hfapi.api.account import kind_named, split_name
from app.hfapi.context import PageRequest, Readable, Writable, repository_url
from app.hub import policy, service
from app.hub.service import Sha256

router = APIRouter(include_in_schema=False)
_PAGE = 1000


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class DuplicateIn(_Loose):
    """The name of the copy."""

    repository: str = Field(min_length=1, max_length=300)
    visibility: str | None = Field(default=None, pattern="^(public|private)$")
    private: bool | None = None


class Deletions(_Loose):
    """Large files to remove, by their sha256."""

    sha: list[Sha256] = Field(max_length=1000)
    rewriteHistory: bool = True  # noqa: N815  # the protocol's spelling


class DeletionsIn(_Loose):
    """Large files to remove."""

    deletions: Deletions


class TargetIn(_Loose):
    """Where large files are to be usable too."""

    type: str | None = None
    name: str = Field(min_length=1, max_length=300)


class CopiedFile(_Loose):
    """A large file of the repository in the address."""

    sha256: Sha256
    filename: str = Field(default="", max_length=2000)


class CopyIn(_Loose):
    """Large files for another repository."""

    target: TargetIn
    files: list[CopiedFile] = Field(max_length=1000)


@router.post("/{owner}/{name}/duplicate")
async def duplicate(
    request: Request, db: Db, viewer: RepoWriter, source: Readable, body: DuplicateIn
) -> Response:
    """Copy a repository under another name; 409 with its address if there is one."""
    owner, name = split_name(body.repository, None, viewer.name)
    private = body.private if body.visibility is None else body.visibility == "private"
    try:
        existing = await policy.access_repository(db, viewer, source.kind, owner, name)
    except (policy.MovedError, NotFoundError):
        existing = None
    if existing is not None:
        message = f"A {source.kind.value} repository called {owner}/{name} already exists"
        answer = {"error": message, "url": repository_url(request, existing)}
        return JSONResponse(answer, 409, {"X-Error-Message": message})
    made = await service.duplicate_repository(
        db, storage_of(request), viewer, source, owner, name, private=private
    )
    return JSONResponse({"url": repository_url(request, made), "filesCopyPending": False})


@router.get("/{owner}/{name}/lfs-files")
async def list_large_files(
    at: Annotated[PageRequest, Depends()],
    repository: Writable,
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=_PAGE)] = _PAGE,
) -> list[dict[str, Any]]:
    """List the large files of a repository: one row an object, those on `main` first."""
    start = decode_cursor(cursor, 1)[0] if cursor else 0
    if not isinstance(start, int) or start < 0:
        raise BadRequestError("This page address does not belong to this list.")
    rows = await service.list_stored(at.db, repository)
    if len(rows) > start + limit:
        at.next_page(cursor=encode_cursor([start + limit]))
    return [
        {
            "fileOid": row.sha256,
            "oid": row.sha256,
            "filename": row.path or row.sha256,
            "pushedAt": views.moment(row.pushed_at),
            "ref": row.ref,
            "size": row.size,
        }
        for row in rows[start : start + limit]
    ]


@router.post("/{owner}/{name}/lfs-files/batch")
async def delete_large_files(
    db: Db, viewer: RepoWriter, repository: Writable, body: DeletionsIn
) -> dict[str, Any]:
    """Remove large files for good, from every commit if asked to."""
    wanted = body.deletions
    count = await service.delete_stored(
        db,
        repository,
        wanted.sha,
        rewrite_history=wanted.rewriteHistory,
        actor_id=viewer.user_id,
    )
    return {"success": True, "deleted": count}


@router.post("/{owner}/{name}/lfs-files/duplicate")
async def copy_large_files(
    db: Db, viewer: RepoWriter, source: Readable, body: CopyIn
) -> dict[str, Any]:
    """Make large files of this repository usable in another one, without sending them."""
    await policy.require_files(db, viewer, source)
    target = await service.target_of_copy(
        db, viewer, kind_named(body.target.type), body.target.name
    )
    digests = {file.sha256 for file in body.files}
    absent = await service.link_files(db, viewer, source, target, digests)
    error = "This repository has no such large file."
    return {"failed": [{"sha256": sha256, "error": error} for sha256 in sorted(absent)]}
