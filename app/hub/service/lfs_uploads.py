"""Large files that a program sends in parts, which may arrive in any order and more than once.

The parts lie where a browser's do, and are swept with them when nobody completes the upload.
"""

import hashlib
from collections.abc import AsyncIterable

from app.core.db import AsyncSession, Database
from app.core.errors import InvalidError, NotFoundError
from app.core.i18n import _
from app.core.storage import BlobStore, Digest
from app.hub.queries import uploads as queries
from app.hub.schemas import MAX_PART_BYTES
from app.hub.service import uploads
from app.hub.service.large_files import linked
from app.hub.tables import Repository, Upload

# More addresses than this make the answer to a batch too long.
_MAX_PARTS = 10_000


def _upload_id(repository: Repository, user_id: int, sha256: str) -> str:
    """Return the one id for this person's upload of these bytes to this repository."""
    bound = f"lfs {repository.id} {user_id} {sha256}"
    return hashlib.sha256(bound.encode()).hexdigest()[:32]


async def open_lfs_upload(
    db: AsyncSession, repository: Repository, user_id: int, digest: Digest
) -> Upload:
    """Begin, or go on with, somebody's upload of a large file in parts."""
    upload_id = _upload_id(repository, user_id, digest.sha256)
    known = await queries.upload_by_id(db, upload_id)
    if known is not None and known.size == digest.size:
        return known
    if known is not None:
        await queries.delete_uploads(db, [upload_id])
    part_size = max(MAX_PART_BYTES, -(-digest.size // _MAX_PARTS))
    upload = Upload(
        id=upload_id,
        user_id=user_id,
        repository_id=repository.id,
        path=digest.sha256,
        size=digest.size,
        part_size=part_size,
    )
    await queries.add_upload(db, upload)
    return upload


async def find_lfs_upload(
    db: AsyncSession, repository: Repository, user_id: int, digest: Digest
) -> Upload:
    """Return an upload that `open_lfs_upload` began.

    Raises:
        NotFoundError: there is none, or it was swept.
    """
    known = await queries.upload_by_id(db, _upload_id(repository, user_id, digest.sha256))
    if known is None or known.size != digest.size:
        raise NotFoundError(_("There is no such upload."), fix=_("Start it again."))
    return known


async def receive_lfs_part(
    storage: BlobStore, upload: Upload, number: int, chunks: AsyncIterable[bytes]
) -> tuple[str, Digest]:
    """Store the bytes of a part; `uploads.record_part` makes it count.

    Raises:
        InvalidError: there is no such part, or it is cut short.
        TooLargeError: more bytes than the part has.
    """
    length = uploads.part_length(upload, number)
    key, digest = await storage.put_stream(chunks, f"upload/{upload.id}", None, length)
    if digest.size != length:
        raise InvalidError(_("This part is cut short."), fix=_("Send it again."), code="bad_part")
    return key, digest


async def complete_lfs_upload(
    database: Database, storage: BlobStore, repository: Repository, user_id: int, digest: Digest
) -> None:
    """Join the parts, check the whole, and let the repository use it; harmless when repeated.

    Raises:
        NotFoundError: there is no such upload.
        ConflictError: some parts have not arrived.
        InvalidError: the whole has another hash.
    """
    async with database.transaction() as db:
        if await linked(db, repository, digest.sha256) is not None:
            return
        upload = await find_lfs_upload(db, repository, user_id, digest)
        parts = await uploads.whole_parts(db, upload)
    key, received = await uploads.assemble(storage, upload, parts, digest.sha256)
    async with database.transaction() as db:
        upload = await find_lfs_upload(db, repository, user_id, digest)
        await uploads.finish_upload(db, upload, repository, key, received)
        await uploads.forget_uploads(db, [upload.id])
    await uploads.forget_parts(storage, parts)
