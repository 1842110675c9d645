"""Making buckets, listing them, and placing files that were sent."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.exc import IntegrityError

from app.accounts import service as accounts
from app.accounts.schemas import AccountRef
from app.buckets import policy, queries
from app.buckets.schemas import (
    ARRIVAL_LIFETIME,
    EMPTY,
    BucketView,
    DropFile,
    Failure,
    FileView,
    FolderView,
    Operation,
    PutFile,
)
from app.buckets.tables import Bucket, BucketFile
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import AppError, BadRequestError, ConflictError, ForbiddenError, NotFoundError
from app.core.i18n import _
from app.core.pagination import Page, decode_cursor, encode_cursor
from app.core.security import Viewer
from app.core.storage import BlobStore
from app.hub import policy as hub_policy
from app.hub import service as hub
from app.hub.schemas import RepositoryKind
from app.hub.service import large_files, xet_files, xet_reading
from app.hub.service.xet_files import VerifiedFile
from app.quotas import service as quotas

log = structlog.get_logger(__name__)

AsyncReader = Callable[[int, int], AsyncIterator[bytes]]

_STEP = 1000


async def create_bucket(
    db: AsyncSession, viewer: Viewer, owner: AccountRef, name: str, *, private: bool | None
) -> Bucket:
    """Make an empty bucket; `private` None means the owner's default.

    Raises:
        InvalidError: nobody may call a bucket so.
        ForbiddenError: the viewer may not make one under this owner.
        ConflictError: there is one.
    """
    user_id = viewer.require_user()
    hub.check_repository_name(name)
    if not await policy.may_create_for(db, viewer, owner.id):
        raise ForbiddenError(
            _("You may not make a bucket under %(owner)s.") % {"owner": owner.name},
            fix=_("Make it under your own name, or ask for a role in the organisation."),
        )
    if private is None:
        private = await accounts.default_private(db, owner.id)
    made = Bucket(
        owner_id=owner.id,
        name=name,
        name_key=name.casefold(),
        private=private,
        creator_id=user_id,
    )
    try:
        async with db.begin_nested():
            db.add(made)
    except IntegrityError as error:
        raise ConflictError(_("There is a bucket of this name already."), code="exists") from error
    log.info("bucket_created", bucket_id=made.id, user_id=user_id)
    return made


async def change_bucket(db: AsyncSession, bucket: Bucket, *, private: bool) -> None:
    """Show or hide a bucket."""
    bucket.private, bucket.updated_at = private, now()
    await db.flush()


async def rename_bucket(
    db: AsyncSession, viewer: Viewer, bucket: Bucket, owner: AccountRef, name: str
) -> None:
    """Give a bucket another address.

    Raises:
        InvalidError: nobody may call a bucket so.
        ForbiddenError: the viewer may not make one under the new owner.
        ConflictError: the new address is taken.
    """
    hub.check_repository_name(name)
    if not await policy.may_create_for(db, viewer, owner.id):
        raise ForbiddenError(
            _("You may not make a bucket under %(owner)s.") % {"owner": owner.name}
        )
    other = await queries.bucket_by_name(db, owner.id, name.casefold())
    if other is not None and other.id != bucket.id:
        raise ConflictError(_("There is a bucket of this name already."), code="exists")
    bucket.owner_id, bucket.name, bucket.name_key = owner.id, name, name.casefold()
    bucket.updated_at = now()
    await db.flush()


async def delete_bucket(db: AsyncSession, bucket: Bucket) -> None:
    """Remove a bucket with its files; bytes nobody else needs are collected later."""
    await db.delete(bucket)
    await db.flush()
    log.info("bucket_deleted", bucket_id=bucket.id)


async def view(db: AsyncSession, bucket: Bucket) -> BucketView:
    """Return a bucket with what it holds."""
    (shown,) = await _views(db, [bucket])
    return shown


async def list_buckets(
    db: AsyncSession, viewer: Viewer, owner: AccountRef, search: str, cursor: str, limit: int
) -> Page[BucketView]:
    """Return a page of the owner's buckets that the viewer may see, those changed last first.

    Raises:
        BadRequestError: the cursor is not one of this list.
    """
    after = None
    if cursor:
        moment, number = decode_cursor(cursor, 2)
        try:
            after = (datetime.fromisoformat(str(moment)), int(str(number)))
        except ValueError as error:
            raise BadRequestError(_("This page address is not valid.")) from error
    rows = await queries.buckets_of(db, viewer, owner.id, search, after, limit + 1)
    shown, following = rows[:limit], None
    if len(rows) > limit:
        following = encode_cursor([shown[-1].updated_at.isoformat(), shown[-1].id])
    return Page(await _views(db, shown), following)


async def _views(db: AsyncSession, rows: Sequence[Bucket]) -> list[BucketView]:
    owners = await accounts.account_refs(db, {row.owner_id for row in rows})
    contents = await queries.contents(db, [row.id for row in rows])
    return [
        BucketView(
            id=row.id,
            owner=owners[row.owner_id].name,
            name=row.name,
            private=row.private,
            created_at=row.created_at,
            updated_at=row.updated_at,
            size=contents.get(row.id, (0, 0))[0],
            num_files=contents.get(row.id, (0, 0))[1],
        )
        for row in rows
    ]


def file_view(row: BucketFile) -> FileView:
    """Return what is shown of a file."""
    return FileView(
        path=row.path,
        size=row.size,
        xet_hash=row.xet_hash,
        sha256=row.sha256,
        content_type=row.content_type,
        modified_at=row.modified_at,
        uploaded_at=row.uploaded_at,
    )


async def list_files(
    db: AsyncSession, bucket: Bucket, prefix: str, after: str, limit: int
) -> tuple[list[FileView], str]:
    """Return files whose paths begin with `prefix`, and behind which path to go on."""
    rows = await queries.files_from(db, bucket.id, prefix, after, limit + 1)
    shown = [file_view(row) for row in rows[:limit]]
    return shown, (shown[-1].path if len(rows) > limit else "")


async def list_level(
    db: AsyncSession, bucket: Bucket, prefix: str, after: str, limit: int
) -> tuple[list[FileView | FolderView], str]:
    """Return the next path parts behind `prefix`, folders once, and behind which to go on.

    The prefix is a beginning of paths, not a folder: `logs` finds what is in `logs/`, and
    `logs.json` too.
    """
    found: list[FileView | FolderView] = []
    async for row in _walk(db, bucket, prefix, after):
        if len(found) == limit:
            return found, _resume_after(found[-1])
        found.append(row)
    return found, ""


def _resume_after(last: FileView | FolderView) -> str:
    """Return behind which path to go on: for a folder, behind everything in it."""
    return f"{last.path}/\U0010ffff" if isinstance(last, FolderView) else last.path


async def _walk(
    db: AsyncSession, bucket: Bucket, prefix: str, after: str
) -> AsyncIterator[FileView | FolderView]:
    """Yield one level; what lies in a folder is jumped over, so a level costs what it shows."""
    while True:
        rows = await queries.files_from(db, bucket.id, prefix, after, _STEP)
        folder = None
        for row in rows:
            folder = _folder_of(row.path, prefix)
            if folder is not None:
                yield FolderView(folder)
                after = _resume_after(FolderView(folder))
                break
            yield file_view(row)
            after = row.path
        if folder is None and len(rows) < _STEP:
            return


def _folder_of(path: str, prefix: str) -> str | None:
    rest = path[len(prefix) :]
    start = (
        len(prefix) + 1 if prefix and not prefix.endswith("/") and rest[:1] == "/" else len(prefix)
    )
    slash = path.find("/", start)
    return None if slash < 0 else path[:slash]


async def files_at(db: AsyncSession, bucket: Bucket, paths: Sequence[str]) -> list[FileView]:
    """Return what is at these paths; those that are not there are left out."""
    found = await queries.files_at(db, bucket.id, set(paths))
    return [file_view(found[path]) for path in dict.fromkeys(paths) if path in found]


async def receive_file(
    db: AsyncSession, bucket: Bucket, verified: VerifiedFile, sha256: str
) -> None:
    """Note a verified file as sent to this bucket; a batch gives it its path.

    Raises:
        ForbiddenError: a bundle has been swept away since the file was verified.
        TooLargeError: the bucket's owner would hold more than an account may.
    """
    await xet_files.keep_file(db, verified, sha256)
    values = {
        "bucket_id": bucket.id,
        "xet_hash": verified.file.hash,
        "sha256": sha256,
        "size": verified.file.size,
        "arrived_at": now(),
    }
    async with quotas.growing(db, bucket.owner_id):
        await queries.add_arrival(db, values)


async def apply_batch(
    db: AsyncSession, viewer: Viewer, bucket: Bucket, operations: Sequence[Operation]
) -> list[Failure]:
    """Place and remove files, each by itself; return what could not be done."""
    failures = []
    for operation in operations:
        try:
            async with db.begin_nested():
                await _apply(db, viewer, bucket, operation)
        except AppError as problem:
            failures.append(Failure(operation.path, problem.message))
    await queries.forget_arrivals(db, bucket.id, now() - ARRIVAL_LIFETIME)
    if len(failures) < len(operations):
        bucket.updated_at = now()
        await db.flush()
    return failures


async def _apply(db: AsyncSession, viewer: Viewer, bucket: Bucket, operation: Operation) -> None:
    if isinstance(operation, DropFile):
        if not await queries.drop_file(db, bucket.id, operation.path):
            raise NotFoundError(_("There is no file at this path."))
        return
    hub.check_path(operation.path)
    if await queries.is_in_the_way(db, bucket.id, operation.path):
        raise ConflictError(
            _("%(path)s would have to be a file and a folder at once.") % {"path": operation.path}
        )
    sha256, size = await _content(db, viewer, bucket, operation)
    values: dict[str, Any] = {
        "bucket_id": bucket.id,
        "path": operation.path,
        "xet_hash": operation.xet_hash,
        "sha256": sha256,
        "size": size,
        "content_type": operation.content_type[:200],
        "modified_at": operation.modified_at,
        "uploaded_at": now(),
    }
    async with quotas.growing(db, bucket.owner_id):
        await queries.put_file(db, values)


async def _content(
    db: AsyncSession, viewer: Viewer, bucket: Bucket, operation: PutFile
) -> tuple[str | None, int]:
    """Return sha256 and size of what shall be placed.

    Raises:
        NotFoundError: it was not sent here, and the viewer may not read it at its source.
    """
    if operation.xet_hash == EMPTY:
        return None, 0
    if operation.source_kind:
        sha256 = await _copied(db, viewer, operation)
    else:
        arrived = await queries.arrival(db, bucket.id, operation.xet_hash)
        there = arrived or await queries.file_with_hash(db, bucket.id, operation.xet_hash)
        sha256 = there.sha256 if there else None
    found = await large_files.stored_files(db, [sha256]) if sha256 else {}
    if sha256 is None or sha256 not in found or not await large_files.hold(db, sha256):
        raise NotFoundError(_("The bytes of this file were not sent; send it again."))
    return sha256, found[sha256].size


async def _copied(db: AsyncSession, viewer: Viewer, operation: PutFile) -> str | None:
    owner, _slash, name = operation.source.partition("/")
    if operation.source_kind == "bucket":
        source = await policy.access_bucket(db, viewer, owner, name)
        there = await queries.file_with_hash(db, source.id, operation.xet_hash)
        return there.sha256 if there else None
    try:
        kind = RepositoryKind(operation.source_kind)
    except ValueError as error:
        raise BadRequestError(_("Copy from a model, a data set or a bucket.")) from error
    repository = await hub_policy.access_repository(db, viewer, kind, owner, name)
    await hub_policy.require_files(db, viewer, repository)
    return await xet_reading.linked_digest(db, repository, operation.xet_hash)


async def open_file(
    db: AsyncSession, storage: BlobStore, bucket: Bucket, path: str
) -> tuple[FileView, AsyncReader]:
    """Return a file and what reads its bytes [start, end).

    Raises:
        NotFoundError: there is nothing at this path.
    """
    row = (await queries.files_at(db, bucket.id, [path])).get(path)
    if row is None:
        raise NotFoundError(
            _("There is no file at this path."),
            code="EntryNotFound",
            headers={"X-Error-Code": "EntryNotFound"},
        )
    large = None
    if row.sha256 is not None:
        large = (await large_files.stored_files(db, [row.sha256])).get(row.sha256)

    async def read(start: int, end: int) -> AsyncIterator[bytes]:
        if large is not None:
            async for block in large.read(storage, start, end):
                yield block

    return file_view(row), read


async def reconstruction(
    db: AsyncSession, bucket: Bucket, xet_hash: str, wanted: tuple[int, int | None]
) -> xet_reading.Reconstruction:
    """Return the parts that hold a range of a file of this bucket.

    Raises:
        NotFoundError: the bucket has no such file.
        RangeError: the range begins beyond its end.
    """
    there = await queries.file_with_hash(db, bucket.id, xet_hash)
    file = await xet_reading.file_by_hash(db, xet_hash) if there else None
    if file is None:
        raise NotFoundError("There is no such file in this bucket.")
    return await xet_reading.reconstruct(db, file, wanted)
