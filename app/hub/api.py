"""Our own API of the hub: repositories, uploads in parts, and commits of what was uploaded."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse

from app.core.db import AsyncSession
from app.core.errors import InvalidError
from app.core.http import (
    Db,
    RepoReader,
    RepoWriter,
    SiteSettings,
    StreamingRepoWriter,
    database,
    storage_of,
)
from app.core.paths import rev
from app.core.security import Viewer
from app.core.storage import BlobStore, Digest
from app.hub import policy, service
from app.hub.errors import repository_not_found
from app.hub.paths import check_path, check_sha256
from app.hub.policy import MovedError
from app.hub.schemas import (
    AddFile,
    Author,
    CommitIn,
    CommitOut,
    CompleteIn,
    DeleteFile,
    NewCommit,
    Operation,
    RepositoryIn,
    RepositoryKind,
    RepositoryOut,
    UploadIn,
    UploadOut,
)
from app.hub.service import uploads
from app.hub.tables import Repository

router = APIRouter(prefix="/api/v1", tags=["hub"])

PartDigest = Annotated[str, Header(alias="X-Content-Sha256", description="sha256 of the part")]


Storage = Annotated[BlobStore, Depends(storage_of)]


@dataclass(frozen=True)
class Address:
    """The part of a path that names a repository."""

    plural: str
    owner: str
    name: str


At = Annotated[Address, Depends()]


def _kind(plural: str) -> RepositoryKind:
    for kind in RepositoryKind:
        if plural in {kind.plural, kind.value}:
            return kind
    raise repository_not_found()


async def _readable(
    db: AsyncSession, viewer: Viewer, plural: str, owner: str, name: str
) -> Repository:
    try:
        return await policy.access_repository(db, viewer, _kind(plural), owner, name)
    except MovedError as moved:
        raise repository_not_found() from moved


async def _writable(
    db: AsyncSession, viewer: Viewer, plural: str, owner: str, name: str
) -> Repository:
    try:
        return await policy.access_for_write(db, viewer, _kind(plural), owner, name)
    except MovedError as moved:
        raise repository_not_found() from moved


def _described(repository: Repository) -> RepositoryOut:
    path = f"{repository.kind.web_prefix}{repository.owner_name}/{repository.name}"
    return RepositoryOut(
        id=repository.id,
        kind=repository.kind,
        owner=repository.owner_name,
        name=repository.name,
        private=repository.private,
        head=repository.head,
        url=f"/{path}",
    )


@router.post("/repos", status_code=201)
async def create_repository(
    db: Db, viewer: RepoWriter, storage: Storage, body: RepositoryIn
) -> RepositoryOut:
    """Create a repository."""
    made = await service.create_repository(
        db, storage, viewer, body.kind, body.owner, body.name, private=body.private
    )
    return _described(made)


@router.get("/repos/{plural}/{owner}/{name}")
async def get_repository(
    db: Db, viewer: RepoReader, plural: str, owner: str, name: str
) -> RepositoryOut:
    """Describe a repository."""
    return _described(await _readable(db, viewer, plural, owner, name))


@router.get("/repos/{plural}/{owner}/{name}/archive/{commit}.tar")
async def get_archive(
    request: Request, db: Db, viewer: RepoReader, at: At, commit: str
) -> StreamingResponse:
    """Stream every file of a revision as one tar: the quick way to fetch many small files."""
    found = await _readable(db, viewer, at.plural, at.owner, at.name)
    await policy.require_files(db, viewer, found)
    oid = await service.resolve_revision(db, found, rev(commit))
    files = await service.list_files(db, found, oid)
    stream = service.tar_stream(database(request), storage_of(request), found, oid, files)
    return StreamingResponse(
        stream,
        media_type="application/x-tar",
        headers={
            "X-Repo-Commit": oid,
            "Content-Disposition": f'attachment; filename="{found.name}-{oid[:12]}.tar"',
        },
    )


@router.post("/uploads", status_code=201)
async def start_upload(
    db: Db, viewer: RepoWriter, settings: SiteSettings, body: UploadIn
) -> UploadOut:
    """Begin the upload of one file; send its parts next, in any order, again if need be."""
    plural, owner, name = body.repository.split("/")
    repository = await _writable(db, viewer, plural, owner, name)
    upload = await uploads.start_upload(
        db, viewer, repository, body.path, body.size, settings.max_upload_bytes
    )
    return await uploads.describe_upload(db, upload)


@router.get("/uploads/{upload_id}")
async def get_upload(db: Db, viewer: RepoWriter, upload_id: str) -> UploadOut:
    """Say which parts have arrived."""
    return await uploads.describe_upload(db, await uploads.access_upload(db, viewer, upload_id))


@router.put("/uploads/{upload_id}/parts/{number}")
async def put_part(  # an address, a header and a body
    request: Request,
    viewer: StreamingRepoWriter,
    storage: Storage,
    upload_id: str,
    number: int,
    *,
    digest: PartDigest,
) -> UploadOut:
    """Take one part; it counts only if its bytes have the sha256 announced."""
    check_sha256(digest)
    async with database(request).transaction() as db:
        upload = await uploads.access_upload(db, viewer, upload_id)
    key, received = await uploads.store_part(storage, upload, number, digest, request.stream())
    async with database(request).transaction() as db:
        upload = await uploads.access_upload(db, viewer, upload_id)
        await uploads.record_part(db, upload, number, key, received)
        return await uploads.describe_upload(db, upload)


@router.post("/uploads/{upload_id}/complete")
async def complete_upload(
    request: Request,
    viewer: StreamingRepoWriter,
    storage: Storage,
    upload_id: str,
    body: CompleteIn,
) -> UploadOut:
    """Join the parts and check the whole; then it can be committed. Harmless to repeat."""
    async with database(request).transaction() as db:
        upload = await uploads.access_upload(db, viewer, upload_id)
        if upload.sha256 == body.sha256:
            return await uploads.describe_upload(db, upload)
        parts = await uploads.whole_parts(db, upload)
    key, digest = await uploads.assemble(storage, upload, parts, body.sha256)
    async with database(request).transaction() as db:
        upload = await uploads.access_upload(db, viewer, upload_id)
        repository = await policy.access_by_id(db, viewer, upload.repository_id)
        await uploads.finish_upload(db, upload, repository, key, digest)
        described = await uploads.describe_upload(db, upload)
    await uploads.forget_parts(storage, parts)
    return described


@router.post("/repos/{plural}/{owner}/{name}/commits", status_code=201)
async def make_commit(  # noqa: PLR0913  # an address and a body
    db: Db,
    viewer: RepoWriter,
    storage: Storage,
    plural: str,
    owner: str,
    name: str,
    *,
    body: CommitIn,
) -> CommitOut:
    """Commit finished uploads, small texts and deletions, all or nothing."""
    repository = await _writable(db, viewer, plural, owner, name)
    ids = [file.upload for file in body.files]
    found = await uploads.finished_uploads(db, viewer, repository, ids)
    operations: list[Operation] = [DeleteFile(check_path(path)) for path in body.delete]
    operations += [AddFile(check_path(path), text.encode()) for path, text in body.texts.items()]
    for file in body.files:
        upload = found[file.upload]
        digest = Digest(upload.sha256 or "", upload.size)
        operations.append(await service.place_received(db, storage, digest, file.path))
    if len({op.path for op in operations}) != len(operations):
        raise InvalidError("A path occurs twice in this commit.", code="twice")
    made = await service.commit(
        db,
        storage,
        repository,
        NewCommit(
            message=body.message,
            description=body.description,
            author=Author(viewer.name, viewer.user_id),
            operations=operations,
            branch=body.branch,
            parent=body.parent,
        ),
    )
    await uploads.forget_uploads(db, ids)
    path = f"{repository.kind.web_prefix}{repository.owner_name}/{repository.name}"
    return CommitOut(oid=made.oid, url=f"/{path}/commit/{made.oid}")
