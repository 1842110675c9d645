"""Where the bytes of a Xet file lie: its terms cut into runs of about a megabyte.

A run is what has to be fetched and unpacked to read any byte in it. The runs of a file take
sixteen bytes a megabyte, so even those of a very large file are read at once.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.core.errors import UnavailableError
from app.hub.xet import Chunk, Term, unpack_chunk

_RUN_BYTES = 1 << 20
_GROUP_BYTES = 4 << 20
_ROW = struct.Struct("<IIII")
_HEADER = 8


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of a term: which one, where its packed bytes begin and end, its unpacked size."""

    term: int
    start: int
    end: int
    size: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Packed bytes to fetch, and which part of them is wanted once they are unpacked."""

    key: str
    start: int
    end: int
    size: int
    skip: int
    take: int

    @property
    def is_compressed(self) -> bool:
        """Whether unpacking is work: without it, the packed bytes are longer by their headers."""
        return self.end - self.start < self.size


def lay_out(terms: Sequence[Term], tables: Mapping[str, Sequence[Chunk]]) -> bytes:
    """Return the packed runs of a file whose terms are known to be right."""
    return b"".join(
        _ROW.pack(run.term, run.start, run.end, run.size)
        for number, term in enumerate(terms)
        for run in _runs(number, term, tables[term.xorb])
    )


def _runs(number: int, term: Term, table: Sequence[Chunk]) -> Iterator[Run]:
    start = table[term.first - 1].end if term.first else 0
    size = 0
    for index in range(term.first, term.last):
        size += table[index].size
        if size >= _RUN_BYTES or index == term.last - 1:
            yield Run(number, start, table[index].end, size)
            start, size = table[index].end, 0


def pieces(
    layout: bytes, keys: Sequence[str], start: int, end: int, at_once: int = _GROUP_BYTES
) -> Iterator[Piece]:
    """Yield what to fetch for the bytes [start, end) of a file, some megabytes at a time.

    Args:
        layout: the packed runs.
        keys: where the bundle of each term is stored, by number of the term.
        start: the first byte wanted.
        end: the byte after the last one wanted.
        at_once: runs are joined as long as they are not more than this.
    """
    at = 0
    held: Piece | None = None
    for term, packed_start, packed_end, size in _ROW.iter_unpack(layout):
        run_at, at = at, at + size
        if at <= start:
            continue
        if run_at >= end:
            break
        skip = max(0, start - run_at)
        take = min(at, end) - run_at - skip
        new = Piece(keys[term], packed_start, packed_end, size, skip, take)
        joined = _joined(held, new, at_once) if held is not None else new
        if joined is None and held is not None:
            yield held
        held = joined or new
    if held is not None:
        yield held


def _joined(held: Piece, new: Piece, at_once: int) -> Piece | None:
    if (held.key, held.end) != (new.key, new.start) or held.size + new.size > at_once:
        return None
    return Piece(
        held.key, held.start, new.end, held.size + new.size, held.skip, held.take + new.take
    )


def unpack_piece(packed: bytes, piece: Piece) -> bytes:
    """Return the wanted bytes of a piece.

    Raises:
        UnavailableError: the stored bytes are not what they were when they were verified.
    """
    data = b"".join(_chunks(packed)) if packed else b""
    if len(data) != piece.size:
        raise UnavailableError(f"The stored bytes {piece.key} are damaged.")
    if piece.take == piece.size:
        return data
    return data[piece.skip : piece.skip + piece.take]


def feed_piece(packed: bytes, piece: Piece, update: Callable[[bytes | memoryview], None]) -> None:
    """Hand each chunk of a whole piece to `update`.

    Raises:
        UnavailableError: the stored bytes are not what they were when they were verified.
    """
    size = 0
    for chunk in _chunks(packed):
        update(chunk)
        size += len(chunk)
    if size != piece.size:
        raise UnavailableError(f"The stored bytes {piece.key} are damaged.")


def _chunks(packed: bytes) -> Iterable[bytes | memoryview]:
    view = memoryview(packed)
    at = 0
    while at + _HEADER <= len(packed):
        packed_size = int.from_bytes(view[at + 1 : at + 4], "little")
        raw_size = int.from_bytes(view[at + 5 : at + 8], "little")
        at += _HEADER
        yield unpack_chunk(packed[at - 4], view[at : at + packed_size], raw_size)
        at += packed_size
