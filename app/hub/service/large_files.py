"""Large files: received as a stream, verified, and linked to the repository they were sent to."""

from collections.abc import AsyncIterable, Collection

from app.core.db import AsyncSession
from app.core.security import Viewer
from app.core.storage import BlobStore, Digest
from app.hub import policy
from app.hub.content import is_binary
from app.hub.paths import check_path
from app.hub.queries import uploads as queries
from app.hub.schemas import LFS_THRESHOLD_BYTES, AddFile, AddStored
from app.hub.tables import Repository

_MAX_LOOKED_AT = 20


async def receive_bytes(
    storage: BlobStore, chunks: AsyncIterable[bytes], expected: Digest | None, limit: int
) -> tuple[str, Digest]:
    """Store a stream under its sha256; return its key and what was received.

    Raises:
        InvalidError: size or hash is not what was announced.
        TooLargeError: more than was announced, or than `limit`.
    """
    return await storage.put_stream(chunks, "lfs", expected, limit)


async def link_received(
    db: AsyncSession,
    repository: Repository,
    user_id: int | None,
    received: Collection[tuple[str, Digest]],
) -> None:
    """Let the repository use bytes that its writer has just sent in full, each with its key."""
    await queries.add_lfs(db, received)
    await queries.link_lfs(db, repository.id, [digest.sha256 for _, digest in received], user_id)


async def linked(db: AsyncSession, repository: Repository, sha256: str) -> Digest | None:
    """Return size and hash if this repository may hand out these bytes."""
    found = (await queries.linked_lfs(db, repository.id, [sha256])).get(sha256)
    return Digest(found.sha256, found.size) if found else None


async def linked_sizes(
    db: AsyncSession, repository: Repository, digests: Collection[str]
) -> dict[str, int]:
    """Return the sizes of those bytes that this repository may hand out, by sha256."""
    found = await queries.linked_lfs(db, repository.id, digests)
    return {sha256: row.size for sha256, row in found.items()}


async def linked_key(db: AsyncSession, repository: Repository, sha256: str) -> str | None:
    """Return where the bytes lie if this repository may hand them out."""
    found = (await queries.linked_lfs(db, repository.id, [sha256])).get(sha256)
    return found.storage_key if found else None


async def link_readable(
    db: AsyncSession, viewer: Viewer, repository: Repository, sha256: str
) -> bool:
    """Link bytes that another repository of which the viewer is a reader already holds.

    Who cannot read them anywhere gets the same answer as for bytes that nobody has.
    """
    if await linked(db, repository, sha256) is not None:
        return True
    for other in await queries.repositories_with_lfs(db, sha256, _MAX_LOOKED_AT):
        if await policy.may_read(db, viewer, other):
            await queries.link_lfs(db, repository.id, [sha256], viewer.user_id)
            return True
    return False


async def place_received(
    db: AsyncSession, storage: BlobStore, digest: Digest, path: str
) -> AddFile | AddStored:
    """Return the operation that puts received bytes at `path`: small text goes inside git."""
    stored = AddStored(check_path(path), digest.sha256, digest.size)
    if digest.size > LFS_THRESHOLD_BYTES:
        return stored
    found = await queries.lfs_object(db, digest.sha256)
    if found is None:
        return stored
    content = await storage.read_all(found.storage_key)
    return stored if is_binary(content) else AddFile(path, content)
