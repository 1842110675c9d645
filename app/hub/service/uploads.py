"""Uploads in parts: a browser can stop and go on, and nothing counts before its hash is right."""

import secrets
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from datetime import timedelta

from app.accounts import service as accounts
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, Detail, InvalidError, NotFoundError, TooLargeError
from app.core.i18n import _
from app.core.runtime import Flag
from app.core.security import Viewer
from app.core.storage import BlobStore, Digest
from app.hub.paths import check_path
from app.hub.queries import uploads as queries
from app.hub.schemas import MAX_PART_BYTES, PART_BYTES, UploadOut
from app.hub.service import quotas
from app.hub.service.large_files import link_received
from app.hub.tables import Repository, Upload, UploadPart

MAX_PARTS = 25_000
LIFETIME = timedelta(days=7)


async def start_upload(
    db: AsyncSession, viewer: Viewer, repository: Repository, path: str, size: int, limit: int
) -> Upload:
    """Begin an upload of `size` bytes that will stand at `path`.

    Raises:
        InvalidError: no file may be called so.
        TooLargeError: more bytes than a file may have, or than its owner has room for.
    """
    await accounts.require_switch(db, Flag.UPLOADS, viewer.user_id)
    check_path(path)
    if size > limit:
        raise TooLargeError(
            _("This file is larger than the site accepts (%(limit)d bytes).") % {"limit": limit}
        )
    await quotas.require_room(db, repository.owner_id, size)
    part_size = PART_BYTES if size <= PART_BYTES * MAX_PARTS else MAX_PART_BYTES
    upload = Upload(
        id=secrets.token_hex(16),
        user_id=viewer.require_user(),
        repository_id=repository.id,
        path=path,
        size=size,
        part_size=part_size,
    )
    db.add(upload)
    await db.flush()
    return upload


async def access_upload(db: AsyncSession, viewer: Viewer, upload_id: str) -> Upload:
    """Return an upload of this viewer.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
    """
    upload = await queries.upload_by_id(db, upload_id)
    if upload is None or upload.user_id != viewer.require_user():
        raise NotFoundError(_("There is no such upload."), fix=_("Start it again."))
    return upload


async def describe_upload(db: AsyncSession, upload: Upload) -> UploadOut:
    """Return what has arrived."""
    parts = await queries.upload_parts(db, upload.id)
    return UploadOut(
        id=upload.id,
        path=upload.path,
        size=upload.size,
        part_size=upload.part_size,
        num_parts=num_parts(upload),
        parts=[part.number for part in parts],
        sha256=upload.sha256,
    )


def num_parts(upload: Upload) -> int:
    """Return into how many parts the upload is divided; an empty file has none."""
    return -(-upload.size // upload.part_size)


def part_length(upload: Upload, number: int) -> int:
    """Return the size of part `number`.

    Raises:
        InvalidError: there is no such part.
    """
    if not 1 <= number <= num_parts(upload):
        raise InvalidError(_("This upload has no part of that number."), code="bad_part")
    return min(upload.part_size, upload.size - (number - 1) * upload.part_size)


async def store_part(
    storage: BlobStore, upload: Upload, number: int, sha256: str, chunks: AsyncIterable[bytes]
) -> tuple[str, Digest]:
    """Store the bytes of a part; `record_part` makes it count.

    Raises:
        InvalidError: no such part, or other bytes than announced.
        TooLargeError: more bytes than the part has.
    """
    expected = Digest(sha256, part_length(upload, number))
    return await storage.put_stream(chunks, f"upload/{upload.id}", expected, MAX_PART_BYTES)


async def record_part(
    db: AsyncSession, upload: Upload, number: int, key: str, digest: Digest
) -> None:
    """Write down that a part has arrived."""
    await queries.set_part(
        db,
        {
            "upload_id": upload.id,
            "number": number,
            "sha256": digest.sha256,
            "size": digest.size,
            "storage_key": key,
        },
    )


async def whole_parts(db: AsyncSession, upload: Upload) -> Sequence[UploadPart]:
    """Return every part, in order.

    Raises:
        ConflictError: some have not arrived; `details` names the first hundred.
    """
    parts = await queries.upload_parts(db, upload.id)
    absent = sorted(set(range(1, num_parts(upload) + 1)) - {part.number for part in parts})
    if absent:
        raise ConflictError(
            _("Some parts of this upload have not arrived."),
            fix=_("Send them, then complete it."),
            code="parts_missing",
            details=[Detail(f"parts[{number}]", "missing") for number in absent[:100]],
        )
    return parts


async def assemble(
    storage: BlobStore, upload: Upload, parts: Sequence[UploadPart], sha256: str
) -> tuple[str, Digest]:
    """Join the parts to one object and check the whole against `sha256`.

    Raises:
        InvalidError: the whole has another hash.
    """

    async def chunks() -> AsyncIterator[bytes]:
        for part in parts:
            async for block in storage.read(part.storage_key):
                yield block

    return await storage.put_stream(chunks(), "lfs", Digest(sha256, upload.size), upload.size)


async def finish_upload(
    db: AsyncSession, upload: Upload, repository: Repository, key: str, digest: Digest
) -> None:
    """Make the verified whole usable in a commit to its repository."""
    await link_received(db, repository, upload.user_id, [(key, digest)])
    upload.sha256 = digest.sha256
    await queries.delete_parts(db, upload.id)
    await db.flush()


async def forget_parts(storage: BlobStore, parts: Sequence[UploadPart]) -> None:
    """Remove the bytes of parts that are in the whole by now."""
    for key in {part.storage_key for part in parts}:
        await storage.delete(key)


async def finished_uploads(
    db: AsyncSession, viewer: Viewer, repository: Repository, ids: Sequence[str]
) -> dict[str, Upload]:
    """Return finished uploads of this viewer to this repository, by id.

    Raises:
        NotFoundError: one is not there, or is not theirs, or belongs to another repository.
        ConflictError: one is not complete.
    """
    found = await queries.uploads_by_id(db, set(ids))
    for upload_id in ids:
        upload = found.get(upload_id)
        if upload is None or upload.user_id != viewer.user_id:
            raise NotFoundError(_("There is no such upload."), fix=_("Start it again."))
        if upload.repository_id != repository.id:
            raise NotFoundError(_("There is no such upload."), fix=_("Start it again."))
        if upload.sha256 is None:
            raise ConflictError(
                _("The upload of %(path)s is not complete.") % {"path": upload.path}
            )
    return found


async def forget_uploads(db: AsyncSession, ids: Sequence[str]) -> None:
    """Remove uploads whose files were committed."""
    await queries.delete_uploads(db, ids)


async def forget_expired(db: AsyncSession) -> list[str]:
    """Remove uploads that were left lying for a week; return the keys of their parts' bytes."""
    return await queries.delete_old_uploads(db, now() - LIFETIME)
