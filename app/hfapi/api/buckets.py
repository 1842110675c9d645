"""Buckets as Hugging Face clients use them: made, listed, filled in batches, read by path."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from app.accounts import service as accounts
from app.buckets import policy, service
from app.buckets.schemas import (
    MAX_OPERATIONS,
    BucketView,
    DropFile,
    FileView,
    FolderView,
    Operation,
    PutFile,
)
from app.core.downloads import content_disposition, content_type, send_bytes
from app.core.errors import BadRequestError, ConflictError, TooLargeError
from app.core.http import Db, RepoReader, RepoWriter, storage_of
from app.core.paths import plain
from app.core.runtime import Flag
from app.core.security import Viewer
from app.hfapi.api.xet import READ, WRITE, token_answer, token_expiry
from app.hfapi.context import base_url, next_link
from app.hfapi.signing import Grant
from app.hfapi.views import moment
from app.hub.service import Sha256, xet_files

router = APIRouter(include_in_schema=False)

_ONE = "/api/buckets/{owner}/{name}"
_PAGE = 1000
_MAX_BATCH_BYTES = 8 << 20
_MAX_PATHS = 10_000


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class BucketIn(_Loose):
    """A bucket to make."""

    visibility: str | None = None
    private: bool | None = None


class SettingsIn(_Loose):
    """What may be changed."""

    private: bool


class PathsIn(_Loose):
    """Paths to look up."""

    paths: list[str] = Field(max_length=_MAX_PATHS)


class OperationIn(_Loose):
    """One line of a batch; times are in milliseconds since 1970."""

    type: Literal["addFile", "copyFile", "deleteFile"]
    path: str = Field(max_length=4096)
    xet_hash: Sha256 | None = Field(default=None, alias="xetHash")
    mtime: int | None = Field(default=None, ge=0, lt=1 << 45)
    content_type: str = Field(default="", alias="contentType", max_length=200)
    source_kind: str = Field(default="", alias="sourceRepoType", max_length=40)
    source: str = Field(default="", alias="sourceRepoId", max_length=300)

    def operation(self) -> Operation:
        """Return what is to be done.

        Raises:
            ValueError: the content or its source is not named.
        """
        if self.type == "deleteFile":
            return DropFile(self.path)
        is_copy = self.type == "copyFile"
        if self.xet_hash is None or bool(self.source_kind) != is_copy:
            raise ValueError(self.type)
        return PutFile(
            path=self.path,
            xet_hash=self.xet_hash,
            modified_at=None
            if self.mtime is None
            else datetime.fromtimestamp(self.mtime / 1000, UTC),
            content_type=self.content_type,
            source_kind=self.source_kind,
            source=self.source,
        )


class TreeQuery(_Loose):
    """How much of a tree is wanted."""

    recursive: bool = False
    limit: int = Field(default=_PAGE, ge=1)
    cursor: str = ""


@router.get("/api/buckets/{owner}")
async def list_buckets(  # noqa: PLR0913, PLR0917  # what a list is narrowed to
    request: Request,
    response: Response,
    db: Db,
    viewer: RepoReader,
    owner: str,
    search: Annotated[str, Query(max_length=200)] = "",
    cursor: str = "",
) -> list[dict[str, Any]]:
    """List the buckets of an account; `me` is the caller."""
    account = await policy.owner_named(db, viewer, owner)
    page = await service.list_buckets(db, viewer, account, search, cursor, 100)
    if page.next_cursor:
        response.headers["Link"] = next_link(request, cursor=page.next_cursor)
    return [_bucket(view) for view in page.items]


@router.post(_ONE)
async def create(  # the address, and what is wanted
    request: Request, db: Db, viewer: RepoWriter, owner: str, name: str, body: BucketIn
) -> Response:
    """Make a bucket; 409 with its address if there is one."""
    account = await policy.owner_named(db, viewer, owner)
    private = body.private if body.visibility is None else body.visibility == "private"
    url = f"{base_url(request)}/buckets/{account.name}/{name}"
    try:
        await service.create_bucket(db, viewer, account, name, private=private)
    except ConflictError as problem:
        headers = {"X-Error-Code": problem.code, "X-Error-Message": "Bucket already exists"}
        return JSONResponse({**problem.body(), "url": url}, 409, headers)
    return JSONResponse({"url": url, "id": f"{account.name}/{name}"})


@router.get(_ONE)
async def describe(db: Db, viewer: RepoReader, owner: str, name: str) -> dict[str, Any]:
    """Describe a bucket."""
    found = await policy.access_bucket(db, viewer, owner, name)
    return _bucket(await service.view(db, found))


@router.put(_ONE + "/settings")
async def change(
    db: Db, viewer: RepoWriter, owner: str, name: str, body: SettingsIn
) -> dict[str, bool]:
    """Show or hide a bucket."""
    found = await policy.access_for_write(db, viewer, owner, name)
    await service.change_bucket(db, found, private=body.private)
    return {"private": found.private}


@router.delete(_ONE)
async def delete(db: Db, viewer: RepoWriter, owner: str, name: str) -> dict[str, bool]:
    """Remove a bucket with everything in it."""
    await service.delete_bucket(db, await policy.access_for_write(db, viewer, owner, name))
    return {"success": True}


@router.get(_ONE + "/tree")
@router.get(_ONE + "/tree/{prefix:path}")
async def tree(  # noqa: PLR0913, PLR0917  # the address, and how much of it
    request: Request,
    response: Response,
    db: Db,
    viewer: RepoReader,
    owner: str,
    name: str,
    query: Annotated[TreeQuery, Query()],
    prefix: str = "",
) -> list[dict[str, Any]]:
    """List files by path: all that begin with the prefix, or one level with folders."""
    found = await policy.access_bucket(db, viewer, owner, name)
    after, limit = query.cursor, min(query.limit, _PAGE)
    rows: list[FileView | FolderView]
    if query.recursive:
        files, following = await service.list_files(db, found, plain(prefix), after, limit)
        rows = [*files]
    else:
        rows, following = await service.list_level(db, found, plain(prefix), after, limit)
    if following:
        response.headers["Link"] = next_link(request, cursor=following)
    return [_entry(row) for row in rows]


@router.post(_ONE + "/paths-info")
async def paths_info(
    db: Db, viewer: RepoReader, owner: str, name: str, body: PathsIn
) -> list[dict[str, Any]]:
    """Describe the files at these paths; those that are not there are left out."""
    found = await policy.access_bucket(db, viewer, owner, name)
    return [_entry(row) for row in await service.files_at(db, found, body.paths)]


@router.post(_ONE + "/batch")
async def batch(request: Request, db: Db, viewer: RepoWriter, owner: str, name: str) -> Response:
    """Place and remove files; what could not be done is listed, the rest is done."""
    await accounts.require_switch(db, Flag.UPLOADS, viewer.user_id)
    found = await policy.access_for_write(db, viewer, owner, name)
    operations = await _operations(request)
    failed = [
        {"path": failure.path, "error": failure.message}
        for failure in await service.apply_batch(db, viewer, found, operations)
    ]
    all_failed = bool(operations) and len(failed) == len(operations)
    answer = {"success": not failed, "processed": len(operations) - len(failed), "failed": failed}
    return JSONResponse(answer, 422 if all_failed else 200)


async def _operations(request: Request) -> list[Operation]:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _MAX_BATCH_BYTES:
            raise TooLargeError("A batch may have at most 8 MiB; send several.")
    lines = [line for line in bytes(body).splitlines() if line.strip()]
    if len(lines) > MAX_OPERATIONS:
        raise TooLargeError(f"A batch may hold at most {MAX_OPERATIONS} operations.")
    return [_operation(line, number) for number, line in enumerate(lines, start=1)]


def _operation(line: bytes, number: int) -> Operation:
    try:
        return OperationIn.model_validate_json(line).operation()
    except ValueError as error:
        raise BadRequestError(f"Line {number} of the batch cannot be read.") from error


@router.get(_ONE + "/xet-read-token")
async def read_token(
    request: Request, db: Db, viewer: RepoReader, owner: str, name: str
) -> Response:
    """Return where and with which token the files of this bucket are fetched."""
    found = await policy.access_bucket(db, viewer, owner, name)
    return await _token(request, db, viewer, found.id, READ)


@router.get(_ONE + "/xet-write-token")
async def write_token(
    request: Request, db: Db, viewer: RepoWriter, owner: str, name: str
) -> Response:
    """Return where and with which token chunks for this bucket are sent."""
    found = await policy.access_for_write(db, viewer, owner, name)
    return await _token(request, db, viewer, found.id, WRITE)


async def _token(request: Request, db: Db, viewer: Viewer, bucket_id: int, action: str) -> Response:
    narrow = viewer.only_repos is not None
    ends = token_expiry(action)
    grant = Grant(action, viewer.user_id or 0, 0, ends, narrow=narrow, bucket_id=bucket_id)
    return token_answer(request, viewer, await xet_files.store_generation(db), grant)


@router.api_route("/buckets/{owner}/{name}/resolve/{path:path}", methods=["GET", "HEAD"])
async def resolve(  # the address
    request: Request, db: Db, viewer: RepoReader, owner: str, name: str, path: str
) -> Response:
    """Send a file, or a range of it."""
    found = await policy.access_bucket(db, viewer, owner, name)
    file, read = await service.open_file(db, storage_of(request), found, plain(path))
    headers = _headers(request, owner, name, file)
    return send_bytes(request, file.size, read, headers, content_type(file.path))


def _headers(request: Request, owner: str, name: str, file: FileView) -> dict[str, str]:
    route = f"{base_url(request)}/api/buckets/{quote(owner)}/{quote(name)}/xet-read-token"
    return {
        "ETag": f'"{file.sha256 or file.xet_hash}"',
        "Content-Disposition": content_disposition(file.path),
        "Cache-Control": "private, no-cache",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Linked-Size": str(file.size),
        "X-Linked-ETag": f'"{file.sha256 or file.xet_hash}"',
        "X-Xet-Hash": file.xet_hash,
        "Link": f'<{route}>; rel="xet-auth"',
    }


def _bucket(view: BucketView) -> dict[str, Any]:
    return {
        "_id": f"{view.id:024x}",
        "id": view.full_name,
        "author": view.owner,
        "private": view.private,
        "createdAt": moment(view.created_at),
        "updatedAt": moment(view.updated_at),
        "size": view.size,
        "totalFiles": view.num_files,
    }


def _entry(row: FileView | FolderView) -> dict[str, Any]:
    if isinstance(row, FolderView):
        return {"type": "directory", "path": row.path}
    entry: dict[str, Any] = {
        "type": "file",
        "path": row.path,
        "size": row.size,
        "xetHash": row.xet_hash,
        "uploadedAt": moment(row.uploaded_at),
    }
    if row.modified_at is not None:
        entry["mtime"] = moment(row.modified_at)
    if row.content_type:
        entry["contentType"] = row.content_type
    return entry
