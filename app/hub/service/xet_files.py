"""The write side of Xet: verified bundles, and the files that are made of them.

A bundle is the only copy of the bytes in it. Before a file may use one its sender must have sent
it, or be a reader of a file that uses the same chunks, and prove to know every chunk it names:
a hash alone buys nobody somebody else's bytes.
"""

import asyncio
import secrets
import struct
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from app.core.db import AsyncSession
from app.core.errors import BadRequestError, ForbiddenError, InvalidError, TooLargeError
from app.core.security import Viewer
from app.core.storage import CHUNK_BYTES, BlobStore, Digest
from app.hub.queries import repositories, uploads
from app.hub.queries import xet as queries
from app.hub.service.large_files import link
from app.hub.service.xet_reading import hash_pieces
from app.hub.service.xet_sharing import readable_chunks
from app.hub.service.xet_trails import Trail
from app.hub.tables import Repository, Xorb
from app.hub.xet import (
    MAX_XORB_BYTES,
    Chunk,
    ShardFile,
    ShardReader,
    Term,
    XorbReader,
    file_hash,
    pack_chunks,
    term_proof,
    unpack_chunks,
    xorb_hash,
)
from app.hub.xet_layout import lay_out, pieces

__all__ = [
    "ShardFile",
    "VerifiedFile",
    "check_content",
    "keep_file",
    "read_shard",
    "receive_xorb",
    "record_file",
    "record_xorb",
    "store_generation",
    "verify_file",
]

# Clients ask by the first chunk of a file, and by those whose hash ends so (Xet specification).
_ANCHOR_EVERY = 1024


@dataclass(frozen=True)
class ReceivedXorb:
    """A verified bundle that is stored but not yet written down."""

    hash: str
    size: int
    chunks: Sequence[Chunk] = field(repr=False)
    key: str


@dataclass(frozen=True)
class VerifiedFile:
    """A file whose proofs hold: where its bytes lie, and by which chunks it is found again."""

    file: ShardFile
    layout: bytes = field(repr=False)
    keys: Sequence[str] = field(repr=False)
    anchors: frozenset[bytes] = field(repr=False)


async def store_generation(db: AsyncSession) -> str:
    """Return the name of this store; a wiped one gets another, so that clients start anew."""
    return await repositories.store_generation(db, secrets.token_hex(6))


async def receive_xorb(
    storage: BlobStore, chunks: AsyncIterable[bytes], expected: str
) -> ReceivedXorb:
    """Store a bundle after checking every chunk and the hash that names it.

    Raises:
        BadRequestError: the bytes are not the bundle called `expected`.
        TooLargeError: more bytes than a bundle may have.
    """
    reader, writer = XorbReader(), await storage.writer(hashed=False)
    try:
        async for block in blocks(chunks):
            await asyncio.gather(asyncio.to_thread(reader.feed, block), writer.write(block))
            if writer.size > MAX_XORB_BYTES:
                raise TooLargeError("A xorb may have at most 64 MiB.")
        table = reader.finish()
        if await asyncio.to_thread(xorb_hash, table) != expected:
            raise BadRequestError("This xorb has another hash.", code="digest_mismatch")
        await writer.finish()
        # A name of its own: a sweep that takes an old copy away never meets the new one.
        key = f"xorb/{expected[:2]}/{expected}-{secrets.token_hex(4)}"
        await writer.promote(key)
    finally:
        await writer.discard()
    return ReceivedXorb(expected, writer.size, table, key)


async def record_xorb(db: AsyncSession, user_id: int, received: ReceivedXorb) -> bool:
    """Write down a bundle and its sender; True if it was new to the store."""
    values = {
        "hash": received.hash,
        "size": received.size,
        "chunks": pack_chunks(received.chunks),
        "storage_key": received.key,
    }
    return await queries.add_xorb(db, user_id, values)


async def read_shard(chunks: AsyncIterable[bytes]) -> list[ShardFile]:
    """Return the files that a shard describes.

    Raises:
        BadRequestError: the bytes are not a shard.
    """
    reader = ShardReader()
    async for chunk in chunks:
        reader.feed(chunk)
    return await asyncio.to_thread(reader.files)


async def verify_file(
    db: AsyncSession, viewer: Viewer, file: ShardFile, *, may_share: bool
) -> VerifiedFile:
    """Check that the sender may use every chunk the file names, and knows each of them.

    Args:
        db: the transaction.
        viewer: who sends the file.
        file: what the shard says of it.
        may_share: whether chunks of files that the viewer can read count too.

    Raises:
        BadRequestError: a bundle that this person has neither sent nor may read, or a proof, a
            size or the file's hash is wrong.
    """
    names = {term.xorb for term in file.terms}
    sent = await queries.sent_by(db, viewer.require_user(), names)
    shared = await readable_chunks(db, viewer, names - sent) if may_share else {}
    xorbs = await queries.xorbs(db, names)
    for term in file.terms:
        allowed = shared.get(term.xorb, set())
        if term.xorb not in xorbs or not (
            term.xorb in sent or allowed.issuperset(range(term.first, term.last))
        ):
            raise _unknown(term.xorb)
    return await asyncio.to_thread(_verify, file, xorbs)


def _unknown(xorb: str) -> ForbiddenError:
    return ForbiddenError(
        f"The xorb {xorb} was not sent by you.",
        fix="Remove the client's xet cache and upload again.",
        code="xorb_missing",
    )


def _verify(file: ShardFile, xorbs: Mapping[str, Xorb]) -> VerifiedFile:
    tables = {name: unpack_chunks(xorb.chunks) for name, xorb in xorbs.items()}
    chunks: list[Chunk] = []
    for term in file.terms:
        chunks += _checked_part(tables[term.xorb], term)
    if file_hash(chunks) != file.hash:
        raise BadRequestError("The chunks do not make the file named.", code="digest_mismatch")
    keys = [xorbs[term.xorb].storage_key for term in file.terms]
    return VerifiedFile(file, lay_out(file.terms, tables), keys, anchors(chunks))


def _checked_part(table: Sequence[Chunk], term: Term) -> Sequence[Chunk]:
    if not 0 <= term.first < term.last <= len(table):
        raise BadRequestError("A term names chunks that its xorb has not.", code="bad_shard")
    part = table[term.first : term.last]
    if sum(chunk.size for chunk in part) != term.size:
        raise BadRequestError("A term has another size than its chunks.", code="bad_shard")
    if term_proof(part) != term.proof:
        raise BadRequestError("The proof of a term does not hold.", code="bad_proof")
    return part


def anchors(chunks: Iterable[Chunk]) -> frozenset[bytes]:
    """Return the hashes by which clients look for a file with these chunks."""
    hashes = [chunk.hash for chunk in chunks]
    found = {one for one in hashes if struct.unpack_from("<Q", one, 24)[0] % _ANCHOR_EVERY == 0}
    return frozenset(found | set(hashes[:1]))


async def check_content(storage: BlobStore, verified: VerifiedFile, trail: Trail) -> str:
    """Return the sha256 of a file, checked if the sender told it; nothing is stored.

    Args:
        storage: where its bundles lie.
        verified: the file; what of it was not hashed ahead is read once.
        trail: what was hashed ahead.

    Raises:
        InvalidError: its content has another sha256 than the shard says.
    """
    file = verified.file
    digest, known = await trail.known_part(storage, file.terms)
    rest = pieces(verified.layout, verified.keys, known, file.size)
    await hash_pieces(storage, rest, digest.update)
    if file.sha256 and digest.hexdigest() != file.sha256:
        raise InvalidError("The content has another sha256.", code="digest_mismatch")
    return digest.hexdigest()


async def record_file(
    db: AsyncSession, repository: Repository, user_id: int, verified: VerifiedFile
) -> None:
    """Write down a file and let the repository use it.

    Raises:
        BadRequestError: the sender did not tell its sha256, which git needs.
        ForbiddenError: a bundle has been swept away since the file was verified.
    """
    if not verified.file.sha256:
        raise BadRequestError("A file of this shard lacks its sha256.", code="bad_shard")
    await keep_file(db, verified, verified.file.sha256)
    await link(db, repository, [verified.file.sha256], user_id)


async def keep_file(db: AsyncSession, verified: VerifiedFile, sha256: str) -> None:
    """Write down a file whose sha256 was checked; the caller links it to what holds it.

    Raises:
        ForbiddenError: a bundle has been swept away since the file was verified.
    """
    file = verified.file
    new = queries.NewXetFile(
        hash=file.hash,
        sha256=sha256,
        terms=[[term.xorb, term.first, term.last, term.size] for term in file.terms],
        layout=verified.layout,
        anchors=verified.anchors,
    )
    gone = new.xorbs - await queries.hold_xorbs(db, new.xorbs)
    if gone:
        raise _unknown(min(gone))
    await uploads.add_lfs(db, [(None, Digest(sha256, file.size))])
    await queries.add_xet_file(db, new)


async def blocks(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Join small pieces to blocks of a megabyte: one hop to a thread each."""
    held: list[bytes] = []
    size = 0
    async for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= CHUNK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)
