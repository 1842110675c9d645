"""The write side of Xet: verified bundles, and files rebuilt from them by their sha256."""

import asyncio
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass

from app.core.db import AsyncSession
from app.core.errors import BadRequestError, ForbiddenError, TooLargeError
from app.core.storage import CHUNK_BYTES, BlobStore, Digest
from app.hub.queries import repositories, uploads
from app.hub.tables import Repository, Xorb
from app.hub.xet import (
    MAX_XORB_BYTES,
    Chunk,
    ChunkReader,
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

__all__ = [
    "ShardFile",
    "read_shard",
    "rebuild",
    "receive_xorb",
    "record_file",
    "record_xorb",
    "store_generation",
    "verify_file",
]

_NO_LIMIT = 1 << 50


@dataclass(frozen=True)
class ReceivedXorb:
    """A verified bundle that is stored but not yet written down."""

    hash: str
    size: int
    table: bytes
    key: str


@dataclass(frozen=True)
class Run:
    """A run of chunks and where its packed bytes lie."""

    key: str
    start: int
    end: int


@dataclass(frozen=True)
class VerifiedFile:
    """A file whose proofs hold, ready to be rebuilt."""

    file: ShardFile
    runs: tuple[Run, ...]


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
    reader, writer = XorbReader(), await storage.writer()
    try:
        async for block in blocks(chunks):
            await asyncio.to_thread(reader.feed, block)
            await writer.write(block)
            if writer.size > MAX_XORB_BYTES:
                raise TooLargeError("A xorb may have at most 64 MiB.")
        table = reader.finish()
        if xorb_hash(table) != expected:
            raise BadRequestError("This xorb has another hash.", code="digest_mismatch")
        await writer.finish()
        key = f"xorb/{expected[:2]}/{expected}-{secrets.token_hex(4)}"
        await writer.promote(key)
    finally:
        await writer.discard()
    return ReceivedXorb(expected, writer.size, pack_chunks(table), key)


async def record_xorb(db: AsyncSession, user_id: int, received: ReceivedXorb) -> bool:
    """Write down a bundle and its sender; True if it was new to the store."""
    values = {
        "hash": received.hash,
        "size": received.size,
        "chunks": received.table,
        "storage_key": received.key,
    }
    return await uploads.add_xorb(db, user_id, values)


async def read_shard(chunks: AsyncIterable[bytes]) -> list[ShardFile]:
    """Return the files that a shard describes.

    Raises:
        BadRequestError: the bytes are not a shard.
    """
    reader = ShardReader()
    async for chunk in chunks:
        reader.feed(chunk)
    return await asyncio.to_thread(reader.files)


async def verify_file(db: AsyncSession, user_id: int, file: ShardFile) -> VerifiedFile:
    """Check that the sender sent every bundle the file uses, and knows the chunks it names.

    Without this, a hash alone would buy somebody else's private bytes.

    Raises:
        ForbiddenError: a bundle that this person has not sent.
        BadRequestError: a proof, a size or the file's hash is wrong.
    """
    xorbs = await uploads.xorbs_of(db, user_id, {term.xorb for term in file.terms})
    absent = next((term.xorb for term in file.terms if term.xorb not in xorbs), None)
    if absent is not None:
        raise ForbiddenError(
            f"The xorb {absent} was not sent by you.",
            fix="Remove the client's xet cache and upload again.",
            code="xorb_missing",
        )
    return await asyncio.to_thread(_verify, file, xorbs)


def _verify(file: ShardFile, xorbs: dict[str, Xorb]) -> VerifiedFile:
    tables = {name: unpack_chunks(xorb.chunks) for name, xorb in xorbs.items()}
    chunks: list[Chunk] = []
    runs = []
    for term in file.terms:
        table = tables[term.xorb]
        part = _checked_part(table, term)
        start = table[term.first - 1].end if term.first else 0
        runs.append(Run(xorbs[term.xorb].storage_key, start, part[-1].end))
        chunks += part
    if file_hash(chunks) != file.hash:
        raise BadRequestError("The chunks do not make the file named.", code="digest_mismatch")
    return VerifiedFile(file, tuple(runs))


def _checked_part(table: Sequence[Chunk], term: Term) -> Sequence[Chunk]:
    if not 0 <= term.first < term.last <= len(table):
        raise BadRequestError("A term names chunks that its xorb has not.", code="bad_shard")
    part = table[term.first : term.last]
    if sum(chunk.size for chunk in part) != term.size:
        raise BadRequestError("A term has another size than its chunks.", code="bad_shard")
    if term_proof(part) != term.proof:
        raise BadRequestError("The proof of a term does not hold.", code="bad_proof")
    return part


async def rebuild(storage: BlobStore, verified: VerifiedFile) -> tuple[str, Digest]:
    """Store the file whole under its sha256.

    Raises:
        InvalidError: its content has another sha256 than the shard says.
    """
    file = verified.file
    return await storage.put_stream(
        _unpacked(storage, verified.runs), "lfs", Digest(file.sha256, file.size), _NO_LIMIT
    )


async def _unpacked(storage: BlobStore, runs: Sequence[Run]) -> AsyncIterator[bytes]:
    for run in runs:
        reader = ChunkReader()
        async for block in storage.read(run.key, run.start, run.end):
            reader.feed(block)
            while batch := await asyncio.to_thread(reader.unpack):
                yield b"".join(data for data, _end in batch)
        reader.finish()


async def record_file(
    db: AsyncSession, repository: Repository, user_id: int, file: ShardFile, key: str
) -> None:
    """Write down a rebuilt file and let the repository use it."""
    await uploads.add_lfs(db, [(key, Digest(file.sha256, file.size))])
    await uploads.link_lfs(db, repository.id, [file.sha256], user_id)
    terms = [[term.xorb, term.first, term.last] for term in file.terms]
    await uploads.add_xet_file(db, file.hash, file.sha256, terms)


async def blocks(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Join small pieces to blocks of a megabyte: one hop to a thread each."""
    held = bytearray()
    async for chunk in chunks:
        held += chunk
        if len(held) >= CHUNK_BYTES:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)
