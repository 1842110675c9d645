"""Uploading: which files go how, and the commit itself."""

import base64
import binascii
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from app.core.db import AsyncSession
from app.core.errors import InvalidError
from app.core.http import Db, StreamingRepoWriter, database, storage_of
from app.core.i18n import _
from app.core.security import Viewer
from app.discussions import service as discussions
from app.hfapi.context import (
    Committable,
    committable,
    opens_pull_request,
    repository_url,
    rev_of,
)
from app.hfapi.ndjson import CommitBody
from app.hub import service
from app.hub.schemas import (
    LFS_THRESHOLD_BYTES,
    AddBlob,
    AddFile,
    AddStored,
    Author,
    NewCommit,
    Operation,
    TreeFile,
)
from app.hub.service import (
    PathRules,
    Repository,
    check_path,
    ignore_rules,
    is_binary,
)
from app.quotas import service as quotas

router = APIRouter(include_in_schema=False)

_BATCH_BYTES = 2 << 20
_MAX_RULES_BYTES = 256 * 1024


class PreuploadFile(BaseModel):
    """A file that a client is about to send."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    path: str = Field(max_length=2000)
    size: int = Field(ge=0)
    sample: str = Field(default="", max_length=4096)


class PreuploadIn(BaseModel):
    """Files that a client is about to send."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    files: list[PreuploadFile] = Field(max_length=1000)
    gitIgnore: str | None = Field(default=None, max_length=_MAX_RULES_BYTES)  # noqa: N815  # the protocol's spelling


@router.post("/{owner}/{name}/preupload/{rev}")
async def preupload(
    request: Request, db: Db, repository: Committable, rev: str, body: PreuploadIn
) -> dict[str, Any]:
    """Say of each file whether it goes inside git or by its hash, and what is there now."""
    revision = rev_of(rev)
    paths = [check_path(file.path) for file in body.files]
    storage = storage_of(request)
    large = await service.large_files_at(db, storage, repository, revision, paths)
    if body.gitIgnore is None:
        ignored = await service.ignored_at(db, storage, repository, revision, paths)
    else:
        ignored = ignore_rules({"": body.gitIgnore})
    items = await service.find_paths(db, repository, revision, paths, expand=False)
    known = {item.path: item for item in items if isinstance(item, TreeFile)}
    rows = [_mode(file, large, ignored, known.get(file.path)) for file in body.files]
    sizes = [
        file.size
        for file, row in zip(body.files, rows, strict=True)
        if row["uploadMode"] == "lfs" and not row["shouldIgnore"]
    ]
    # Clients of Xet show nobody why a bundle is refused, so they are told before the first one.
    await quotas.require_room_for(db, repository.owner_id, sizes)
    return {"files": rows}


def _mode(
    file: PreuploadFile, large: PathRules, ignored: PathRules, known: TreeFile | None
) -> dict[str, Any]:
    try:
        sample = base64.b64decode(file.sample, validate=True)
    except binascii.Error as error:
        raise InvalidError(f"The sample of {file.path[:200]} is not valid base64.") from error
    by_hash = file.size > 0 and (
        file.size > LFS_THRESHOLD_BYTES or large.matches(file.path) or is_binary(sample)
    )
    answer: dict[str, Any] = {
        "path": file.path,
        "uploadMode": "lfs" if by_hash else "regular",
        "shouldIgnore": ignored.matches(file.path),
    }
    if known is not None:
        answer["oid"] = known.lfs_sha256 or known.oid
    return answer


@router.post("/{owner}/{name}/commit/{rev}")
async def commit(
    request: Request, viewer: StreamingRepoWriter, owner: str, name: str, rev: str
) -> dict[str, Any]:
    """Make a commit from a stream of operations; small contents are stored as they come."""
    async with database(request).transaction() as db:
        await committable(request, db, viewer, owner, name, rev)
    body = CommitBody()
    operations = await _staged(request, body)
    new = NewCommit(
        message=body.header.summary or _("Update files"),
        description=body.header.description,
        author=Author(viewer.name, viewer.user_id),
        operations=operations,
        branch=rev_of(rev),
        parent=body.header.parent,
    )
    async with database(request).transaction() as db:
        repository = await committable(request, db, viewer, owner, name, rev)
        new_operations = await _with_sizes(db, viewer, repository, operations)
        new = replace(new, operations=new_operations)
        return await _made(request, db, viewer, repository, new)


async def _made(
    request: Request, db: AsyncSession, viewer: Viewer, repository: Repository, new: NewCommit
) -> dict[str, Any]:
    """Commit to the branch, or to a pull request that is opened for it."""
    storage, address = storage_of(request), repository_url(request, repository)
    answer: dict[str, Any] = {"success": True, "hookOutput": ""}
    if opens_pull_request(request):
        opened, made = await discussions.open_with_commit(db, storage, viewer, repository, new)
        answer["pullRequestUrl"] = f"{address}/discussions/{opened.num}"
    else:
        made = await service.commit(db, storage, repository, new)
    return answer | {"commitOid": made.oid, "commitUrl": f"{address}/commit/{made.oid}"}


async def _staged(request: Request, body: CommitBody) -> list[Operation]:
    """Store contents in batches, each in a transaction of its own, so that memory stays flat."""
    done: list[Operation] = []
    held: list[AddFile] = []
    async for operation in body.operations(request.stream()):
        if not isinstance(operation, AddFile):
            done.append(operation)
            continue
        held.append(operation)
        if sum(len(file.content) for file in held) > _BATCH_BYTES:
            done += await _store(request, held)
            held = []
    return done + (await _store(request, held) if held else [])


async def _store(request: Request, files: list[AddFile]) -> list[AddBlob]:
    async with database(request).transaction() as db:
        contents = [file.content for file in files]
        oids = await service.stage_blobs(db, storage_of(request), contents)
    return [AddBlob(file.path, oid) for file, oid in zip(files, oids, strict=True)]


async def _with_sizes(
    db: AsyncSession, viewer: Viewer, repository: Repository, operations: list[Operation]
) -> list[Operation]:
    """Fill in what a client left out, and link bytes that the viewer may read elsewhere."""
    digests = {op.sha256 for op in operations if isinstance(op, AddStored)}
    sizes = await service.linked_sizes(db, repository, digests)
    for sha256 in sorted(digests - sizes.keys()):
        await service.link_readable(db, viewer, repository, sha256)
    if digests - sizes.keys():
        sizes = await service.linked_sizes(db, repository, digests)
    return [
        replace(op, size=sizes[op.sha256])
        if isinstance(op, AddStored) and op.size < 0 and op.sha256 in sizes
        else op
        for op in operations
    ]
