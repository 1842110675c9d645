"""The bytes that Xet clients send: bundles of chunks (xorbs) and descriptions of files (shards).

Pure functions and incremental readers, bounded in memory whatever the sender claims.
Source: the Xet protocol's published specification (chunk, xorb, shard and hashing formats).
"""

import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import lz4.frame
from blake3 import blake3

from app.core.errors import BadRequestError

MAX_XORB_BYTES = 68 << 20  # 64 MiB of chunks and a footer
MAX_CHUNK_BYTES = 1 << 20
MAX_FILE_SECTION_BYTES = 32 << 20
_HEADER = 8
_FOOTER = ord("X")  # the optional footer starts with XETBLOB

_DATA_KEY = bytes.fromhex("6697f5775b9550de3135cbaca597181c9de421109beb2b58b4d0b04b93adf229")
_NODE_KEY = bytes.fromhex("017ec5c7a5472996fd946666b48a02e65ddd536f37c76dd2f86352e64a53713f")
_TERM_KEY = bytes.fromhex("7f1857d6ce56ed66127ff913e7a5c3f3a4cd26d5b5db49e64124987f28fb94c3")
_FILE_KEY = bytes(32)
SHARD_TAG = b"HFRepoMetaData\0" + bytes.fromhex("556967456a7b815783a5bdd95ccdd14aa9")
_SHARD_NAME = SHARD_TAG[:15]
_BOOKEND = b"\xff" * 32
_WITH_VERIFICATION = 1 << 31
_WITH_METADATA = 1 << 30
_RECORD = 48
_MEAN_BRANCHES = 4
_TABLE_ROW = struct.Struct("<32sII")


class Chunk(NamedTuple):
    """A chunk of a bundle: hash, bytes when unpacked, and where its packed bytes end."""

    hash: bytes
    size: int
    end: int


@dataclass(frozen=True)
class Term:
    """A run of chunks of one bundle, with the sender's proof of knowing them."""

    xorb: str
    size: int
    first: int
    last: int
    proof: bytes = b""


@dataclass(frozen=True)
class ShardFile:
    """A file: its Xet hash, its sha256 in hex (empty if not told), and the runs of it."""

    hash: str
    sha256: str
    terms: tuple[Term, ...] = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return sum(term.size for term in self.terms)


def to_hex(raw: bytes) -> str:
    """Return a hash as the protocol writes it: four little-endian 64-bit numbers."""
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", raw))


def from_hex(text: str) -> bytes:
    """Return the bytes of a hash that the protocol writes as `text`."""
    return struct.pack("<4Q", *(int(text[at : at + 16], 16) for at in range(0, 64, 16)))


def chunk_hash(data: bytes | memoryview) -> bytes:
    """Return the hash of a chunk's unpacked bytes."""
    return blake3(data, key=_DATA_KEY).digest()


def merkle_root(nodes: Iterable[tuple[bytes, int]]) -> bytes:
    """Return the root over (hash, size) pairs; 32 zero bytes for none."""
    level = list(nodes)
    if not level:
        return bytes(32)
    while len(level) > 1:
        lines = _lines(level)
        level = [
            (
                blake3("".join(lines[at:end]).encode(), key=_NODE_KEY).digest(),
                sum([size for _node, size in level[at:end]]),
            )
            for at, end in _groups(level)
        ]
    return level[0][0]


def _lines(level: list[tuple[bytes, int]]) -> list[str]:
    """Return what is hashed of each node; all are spelled at once, as `to_hex` spells one."""
    numbers = array("Q", b"".join([node for node, _size in level]))
    numbers.byteswap()
    text = numbers.tobytes().hex()
    return [
        f"{text[at : at + 64]} : {size}\n"
        for at, (_node, size) in zip(range(0, len(text), 64), level, strict=True)
    ]


def _groups(level: list[tuple[bytes, int]]) -> Iterator[tuple[int, int]]:
    """Cut a level after a hash divisible by four; groups have three to nine nodes."""
    at, size = 0, len(level)
    while at < size:
        end = min(at + 2 * _MEAN_BRANCHES + 1, size)
        for index in range(at + 2, end):
            if level[index][0][24] % _MEAN_BRANCHES == 0:  # lowest byte of the last number
                end = index + 1
                break
        yield at, end
        at = end


def xorb_hash(chunks: Sequence[Chunk]) -> str:
    """Return the hash that names a bundle."""
    return to_hex(merkle_root([(chunk.hash, chunk.size) for chunk in chunks]))


def file_hash(chunks: Iterable[Chunk]) -> str:
    """Return the hash that names a file."""
    root = merkle_root([(chunk.hash, chunk.size) for chunk in chunks])
    return to_hex(blake3(root, key=_FILE_KEY).digest())


def term_proof(chunks: Iterable[Chunk]) -> bytes:
    """Return what only somebody who knows these chunks can compute."""
    return blake3(b"".join(chunk.hash for chunk in chunks), key=_TERM_KEY).digest()


def pack_chunks(chunks: Iterable[Chunk]) -> bytes:
    """Return a bundle's table of chunks as it is stored."""
    return b"".join(_TABLE_ROW.pack(chunk.hash, chunk.size, chunk.end) for chunk in chunks)


def unpack_chunks(table: bytes) -> list[Chunk]:
    """Return a stored table of chunks."""
    return [Chunk._make(row) for row in _TABLE_ROW.iter_unpack(table)]


def unpack_chunk(scheme: int, packed: bytes | memoryview, raw_size: int) -> bytes | memoryview:
    """Return the bytes of a chunk: those given where nothing was packed.

    Raises:
        BadRequestError: packed in no known way, or to another size than announced.
    """
    if scheme == 0:
        data: bytes | memoryview = packed
    elif scheme in {1, 2}:
        try:
            reader = lz4.frame.LZ4FrameDecompressor()
            data = reader.decompress(packed, max_length=raw_size + 1)
        except RuntimeError as error:
            raise BadRequestError("A chunk cannot be unpacked.", code="bad_xorb") from error
    else:
        raise BadRequestError("A chunk is packed in an unknown way.", code="bad_xorb")
    if len(data) != raw_size:
        raise BadRequestError("A chunk has another size than announced.", code="bad_xorb")
    return _ungroup(bytes(data)) if scheme == 2 else data  # noqa: PLR2004  # byte-grouped


def _ungroup(data: bytes) -> bytes:
    """Undo the grouping of every fourth byte."""
    size, at, out = len(data), 0, bytearray(len(data))
    for offset in range(4):
        length = (size - offset + 3) // 4
        out[offset::4] = data[at : at + length]
        at += length
    return bytes(out)


class XorbReader:
    """Verifies a bundle while it comes in: every chunk is unpacked and hashed."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0
        self._in_footer = False
        self.chunks: list[Chunk] = []

    def feed(self, data: bytes) -> None:
        """Read more packed bytes.

        Raises:
            BadRequestError: they are not a bundle.
        """
        if self._in_footer:
            return
        used = self._complete(data) if self._buffer else 0
        view = memoryview(data)
        while not self._buffer and (length := self._take(view, used)):
            used += length
            self._at += length
        self._buffer += view[used:]

    def _complete(self, data: bytes) -> int:
        """Take the chunk that the last piece cut; return how many of these bytes were its."""
        before = len(self._buffer)
        self._buffer += data[: max(0, _HEADER - before)]
        length = _HEADER + int.from_bytes(self._buffer[1:4], "little")
        self._buffer += data[max(0, _HEADER - before) : max(0, length - before)]
        with memoryview(self._buffer) as view:
            taken = self._take(view, 0)
        if not taken:
            return len(self._buffer) - before
        self._at += taken
        self._buffer.clear()
        return taken - before

    def _take(self, view: memoryview, at: int) -> int:
        """Hash the chunk at a position; return how long it is with its header, 0 if cut short."""
        if len(view) < at + _HEADER:
            return 0
        if view[at] == _FOOTER:
            self._in_footer = True
            return 0
        packed_size = int.from_bytes(view[at + 1 : at + 4], "little")
        raw_size = int.from_bytes(view[at + 5 : at + 8], "little")
        if view[at] != 0 or not 0 < raw_size <= MAX_CHUNK_BYTES or packed_size > 2 * raw_size + 64:
            raise BadRequestError("A chunk header in this xorb is not valid.", code="bad_xorb")
        end = at + _HEADER + packed_size
        if len(view) < end:
            return 0
        digest = chunk_hash(unpack_chunk(view[at + 4], view[at + _HEADER : end], raw_size))
        self.chunks.append(Chunk(digest, raw_size, self._at + _HEADER + packed_size))
        return _HEADER + packed_size

    def finish(self) -> list[Chunk]:
        """Return the table of chunks.

        Raises:
            BadRequestError: the bundle is empty or cut short.
        """
        if self._buffer and not self._in_footer:
            raise BadRequestError("This xorb ends inside a chunk.", code="bad_xorb")
        if not self.chunks:
            raise BadRequestError("This xorb holds no chunk.", code="bad_xorb")
        return self.chunks


class ShardReader:
    """Reads the file section of a shard; what follows it is not needed and not kept."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._done = False

    def feed(self, data: bytes) -> None:
        """Add bytes as they come.

        Raises:
            BadRequestError: the file section is larger than any client makes it.
        """
        if self._done:
            return
        self._buffer += data
        if len(self._buffer) > MAX_FILE_SECTION_BYTES:
            raise BadRequestError("This shard describes too many files.", code="bad_shard")

    def files(self) -> list[ShardFile]:
        """Return the files that the shard describes; empty ones need no bytes and are left out.

        Raises:
            BadRequestError: these bytes are not a shard, or a file lacks its proofs.
        """
        if not self._buffer.startswith(_SHARD_NAME):
            raise BadRequestError("These bytes are not a shard.", code="bad_shard")
        found, at = [], _RECORD
        while self._record(at)[:32] != _BOOKEND:
            file, at = self._file(at)
            found += [file] if file.terms else []
        return found

    def _record(self, at: int) -> bytes:
        record = bytes(self._buffer[at : at + _RECORD])
        if len(record) < _RECORD:
            raise BadRequestError("This shard is cut short.", code="bad_shard")
        return record

    def _file(self, at: int) -> tuple[ShardFile, int]:
        head = self._record(at)
        flags, count = struct.unpack_from("<II", head, 32)
        if count and not flags & _WITH_VERIFICATION:
            raise BadRequestError("A file of this shard lacks its proofs.", code="bad_shard")
        terms_at = at + _RECORD
        proofs_at = terms_at + count * _RECORD
        end = proofs_at + count * _RECORD
        digest = ""
        if flags & _WITH_METADATA:
            digest, end = to_hex(self._record(end)[:32]), end + _RECORD
        terms = tuple(
            self._term(terms_at + n * _RECORD, self._record(proofs_at + n * _RECORD)[:32])
            for n in range(count)
        )
        return ShardFile(to_hex(head[:32]), digest.strip("0") and digest, terms), end

    def _term(self, at: int, proof: bytes) -> Term:
        record = self._record(at)
        _flags, size, first, last = struct.unpack_from("<IIII", record, 32)
        return Term(to_hex(record[:32]), size, first, last, proof)
