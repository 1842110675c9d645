"""Large files: received, linked to the repository they were sent to, and read from wherever.

A large file lies whole under one key, or, if it came by Xet, in the bundles it was sent in. Only
this module knows which: everybody else asks `large_files` and calls `LargeFile.read`.
"""

from collections.abc import AsyncIterable, AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field

from app.core.db import AsyncSession
from app.core.security import Viewer
from app.core.storage import BlobStore, Digest
from app.hub import policy
from app.hub.content import is_binary
from app.hub.paths import check_path
from app.hub.queries import uploads as queries
from app.hub.queries import xet as xet_queries
from app.hub.schemas import LFS_THRESHOLD_BYTES, AddFile, AddStored
from app.hub.service.xet_reading import read_pieces
from app.hub.tables import LfsObject, Repository
from app.hub.xet_layout import pieces
from app.quotas import service as quotas

_MAX_LOOKED_AT = 20


@dataclass(frozen=True)
class LargeFile:
    """A large file that may be read, and where it lies: under `storage_key`, or in bundles."""

    sha256: str
    size: int
    storage_key: str | None
    xet_hash: str | None = None
    layout: bytes = field(default=b"", repr=False)
    keys: Sequence[str] = field(default=(), repr=False)

    def read(
        self, storage: BlobStore, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """Yield the bytes [start, end); memory does not grow with the file."""
        if self.storage_key is not None:
            return storage.read(self.storage_key, start, end)
        end = self.size if end is None else min(end, self.size)
        wanted = pieces(self.layout, self.keys, start, end, storage.best_read)
        return read_pieces(storage, wanted)


async def large_files(
    db: AsyncSession, repository: Repository, digests: Collection[str]
) -> dict[str, LargeFile]:
    """Return those large files that this repository may hand out, by sha256."""
    return await _located(db, await queries.linked_lfs(db, repository.id, digests))


async def stored_files(db: AsyncSession, digests: Collection[str]) -> dict[str, LargeFile]:
    """Return large files by sha256; the caller has checked who may read them."""
    return await _located(db, await queries.lfs_objects(db, digests))


async def hold(db: AsyncSession, sha256: str) -> bool:
    """Keep a large file from being swept until the transaction ends; False if it is gone."""
    return await queries.hold_lfs(db, sha256)


async def _located(db: AsyncSession, rows: dict[str, LfsObject]) -> dict[str, LargeFile]:
    files = await xet_queries.xet_files(db, rows)
    unpacked = {sha: file for sha, file in files.items() if rows[sha].storage_key is None}
    names = {str(term[0]) for file in unpacked.values() for term in file.terms}
    keys = await xet_queries.xorb_keys(db, names)
    found = {}
    for sha256, row in rows.items():
        file = files.get(sha256)
        found[sha256] = LargeFile(
            sha256=sha256,
            size=row.size,
            storage_key=row.storage_key,
            xet_hash=file.hash if file else None,
            layout=(file.layout or b"") if file else b"",
            keys=[keys[term[0]] for term in file.terms] if sha256 in unpacked and file else (),
        )
    return found


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
    """Let the repository use bytes that its writer has just sent in full, each with its key.

    Raises:
        TooLargeError: its owner would hold more than an account may.
    """
    await queries.add_lfs(db, received)
    await link(db, repository, [digest.sha256 for _, digest in received], user_id)


async def link(
    db: AsyncSession, repository: Repository, digests: Collection[str], user_id: int | None
) -> None:
    """Let the repository hand out large files; the caller has checked that it may have them.

    Raises:
        TooLargeError: its owner would hold more than an account may.
    """
    if digests:
        async with quotas.growing(db, repository.owner_id):
            await queries.link_lfs(db, repository.id, digests, user_id)


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


async def linked_file(db: AsyncSession, repository: Repository, sha256: str) -> LargeFile | None:
    """Return a large file if this repository may hand it out."""
    return (await large_files(db, repository, [sha256])).get(sha256)


async def link_readable(
    db: AsyncSession, viewer: Viewer, repository: Repository, sha256: str
) -> bool:
    """Link bytes that another repository of which the viewer is a reader already holds.

    Who cannot read them anywhere gets the same answer as for bytes that nobody has.
    """
    if await linked(db, repository, sha256) is not None:
        return True
    for other in await queries.repositories_with_lfs(db, sha256, _MAX_LOOKED_AT):
        known = await policy.may_read(db, viewer, other)
        if not known or not await policy.may_open_files(db, viewer, other):
            continue
        if await queries.hold_lfs(db, sha256):
            await link(db, repository, [sha256], viewer.user_id)
            return True
    return False


async def place_received(
    db: AsyncSession, storage: BlobStore, digest: Digest, path: str
) -> AddFile | AddStored:
    """Return the operation that puts received bytes at `path`: small text goes inside git."""
    stored = AddStored(check_path(path), digest.sha256, digest.size)
    if digest.size > LFS_THRESHOLD_BYTES:
        return stored
    rows = await queries.lfs_objects(db, [digest.sha256])
    found = (await _located(db, rows)).get(digest.sha256)
    if found is None:
        return stored
    content = b"".join([block async for block in found.read(storage)])
    return stored if is_binary(content) else AddFile(path, content)
