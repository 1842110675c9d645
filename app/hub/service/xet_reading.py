"""Reading files that lie in Xet bundles: their bytes, and where a Xet client finds them itself."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from app.core.db import AsyncSession
from app.core.errors import NotFoundError, RangeError
from app.core.storage import BlobStore
from app.hub.queries import xet as queries
from app.hub.tables import Repository, XetFile, Xorb
from app.hub.xet import Chunk, Term, unpack_chunks
from app.hub.xet_layout import Piece, feed_piece, unpack_piece

T = TypeVar("T")

# Fetched and unpacked before the reader asks: one piece of some megabytes.
_AHEAD = 1


async def read_pieces(storage: BlobStore, wanted: Iterable[Piece]) -> AsyncIterator[bytes]:
    """Yield the bytes of pieces in their order, the next one being fetched meanwhile.

    Raises:
        UnavailableError: stored bytes are missing or damaged.
    """

    async def fetch(piece: Piece) -> bytes:
        packed = await storage.read_all(piece.key, piece.start, piece.end)
        if piece.is_compressed:
            return await asyncio.to_thread(unpack_piece, packed, piece)
        return unpack_piece(packed, piece)

    async for data in _ahead(fetch, wanted):
        yield data


async def hash_pieces(
    storage: BlobStore, wanted: Iterable[Piece], update: Callable[[bytes | memoryview], None]
) -> None:
    """Feed whole pieces to a hash in their order, chunk by chunk and without another copy.

    Raises:
        UnavailableError: stored bytes are missing or damaged.
    """

    async def fetch(piece: Piece) -> tuple[bytes, Piece]:
        return await storage.read_all(piece.key, piece.start, piece.end), piece

    async for packed, piece in _ahead(fetch, wanted):
        await asyncio.to_thread(feed_piece, packed, piece, update)


async def _ahead(
    fetch: Callable[[Piece], Coroutine[Any, Any, T]], wanted: Iterable[Piece]
) -> AsyncIterator[T]:
    """Yield what `fetch` returns for each piece, in their order, fetching the next meanwhile."""
    waiting: asyncio.Queue[asyncio.Task[T]] = asyncio.Queue()
    try:
        for piece in wanted:
            waiting.put_nowait(asyncio.create_task(fetch(piece)))
            if waiting.qsize() > _AHEAD:
                yield await waiting.get_nowait()
        while not waiting.empty():
            yield await waiting.get_nowait()
    finally:
        while not waiting.empty():
            waiting.get_nowait().cancel()


@dataclass(frozen=True)
class Part:
    """A run of chunks of one bundle; `start` and `end` bound its packed bytes there."""

    xorb: str
    key: str
    first: int
    last: int
    size: int
    start: int
    end: int


@dataclass(frozen=True)
class Reconstruction:
    """What a range of a file is made of; of the first part the first `skip` bytes are not in it."""

    skip: int
    parts: tuple[Part, ...]


async def reconstruction(
    db: AsyncSession, repository: Repository, file_hash: str, wanted: tuple[int, int | None]
) -> Reconstruction:
    """Return the parts that hold the bytes [start, end) of a file which this repository has.

    Raises:
        NotFoundError: the repository has no such file.
        RangeError: the range begins beyond its end.
    """
    file = await queries.linked_xet_file(db, repository.id, file_hash)
    if file is None:
        raise NotFoundError("There is no such file in this repository.")
    return await reconstruct(db, file, wanted)


async def linked_digest(db: AsyncSession, repository: Repository, file_hash: str) -> str | None:
    """Return the sha256 of a file by its Xet hash if this repository may hand it out."""
    file = await queries.linked_xet_file(db, repository.id, file_hash)
    return file.sha256 if file else None


async def file_by_hash(db: AsyncSession, file_hash: str) -> XetFile | None:
    """Return a file that lies in bundles; the caller has checked who may read it."""
    return await queries.xet_file(db, file_hash)


async def reconstruct(
    db: AsyncSession, file: XetFile, wanted: tuple[int, int | None]
) -> Reconstruction:
    """Return the parts that hold the bytes [start, end) of a file that the caller may hand out.

    Raises:
        RangeError: the range begins beyond its end.
    """
    terms = terms_of(file)
    size = sum(term.size for term in terms)
    start, end = wanted
    if start >= size and (start or size):
        raise RangeError(
            "The range lies beyond the end of the file.",
            headers={"Content-Range": f"bytes */{size}"},
        )
    touched = list(_touched(terms, start, size if end is None else end))
    xorbs = await queries.xorbs(db, {term.xorb for term, _start, _end in touched})
    tables = {name: unpack_chunks(xorb.chunks) for name, xorb in xorbs.items()}
    trimmed = [
        _trimmed(term, xorbs[term.xorb], tables[term.xorb], begin, stop)
        for term, begin, stop in touched
    ]
    skip = trimmed[0][1] if trimmed else 0
    return Reconstruction(skip, tuple(part for part, _skip in trimmed))


def terms_of(file: XetFile) -> list[Term]:
    """Return the terms of a stored file."""
    return [Term(xorb, size, first, last) for xorb, first, last, size in file.terms]


def _touched(terms: Sequence[Term], start: int, end: int) -> Iterator[tuple[Term, int, int]]:
    """Yield the terms that a range touches, each with the range counted from its beginning."""
    at = 0
    for term in terms:
        begin, at = at, at + term.size
        if at > start and begin < end:
            yield term, max(0, start - begin), min(at, end) - begin


def _trimmed(
    term: Term, xorb: Xorb, table: Sequence[Chunk], start: int, end: int
) -> tuple[Part, int]:
    """Return the chunks of a term that a range touches, and what of them lies before it."""
    first, at = term.first, 0
    while at + table[first].size <= start:
        at += table[first].size
        first += 1
    last, reached = first, at
    while last < term.last and reached < end:
        reached += table[last].size
        last += 1
    part = Part(
        xorb=term.xorb,
        key=xorb.storage_key,
        first=first,
        last=last,
        size=reached - at,
        start=table[first - 1].end if first else 0,
        end=table[last - 1].end,
    )
    return part, start - at
