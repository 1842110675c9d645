"""The bytes that Xet clients send: bundles of chunks (xorbs) and descriptions of files (shards).

Pure functions and incremental readers, bounded in memory whatever the sender claims.
Source: the Xet protocol's published specification (chunk, xorb, shard and hashing formats).
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import lz4.frame
from blake3 import blake3

from app.core.errors import BadRequestError

MAX_XORB_BYTES = 68 << 20  # 64 MiB of chunks and a footer
MAX_CHUNK_BYTES = 1 << 20
MAX_FILE_SECTION_BYTES = 32 << 20
_BATCH_BYTES = 4 << 20

_DATA_KEY = bytes.fromhex("6697f5775b9550de3135cbaca597181c9de421109beb2b58b4d0b04b93adf229")
_NODE_KEY = bytes.fromhex("017ec5c7a5472996fd946666b48a02e65ddd536f37c76dd2f86352e64a53713f")
_TERM_KEY = bytes.fromhex("7f1857d6ce56ed66127ff913e7a5c3f3a4cd26d5b5db49e64124987f28fb94c3")
_FILE_KEY = bytes(32)
_SHARD_TAG = b"HFRepoMetaData\0"
_BOOKEND = b"\xff" * 32
_WITH_VERIFICATION = 1 << 31
_WITH_METADATA = 1 << 30
_RECORD = 48
_MEAN_BRANCHES = 4
_TABLE_ROW = struct.Struct("<32sII")


@dataclass(frozen=True)
class Chunk:
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
    """A file: its Xet hash, its sha256 in hex, and the runs it consists of."""

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


def chunk_hash(data: bytes) -> bytes:
    """Return the hash of a chunk's unpacked bytes."""
    return blake3(data, key=_DATA_KEY).digest()


def merkle_root(nodes: Iterable[tuple[bytes, int]]) -> bytes:
    """Return the root over (hash, size) pairs; 32 zero bytes for none."""
    level = list(nodes)
    if not level:
        return bytes(32)
    while len(level) > 1:
        level = [_merge(group) for group in _groups(level)]
    return level[0][0]


def _groups(level: list[tuple[bytes, int]]) -> Iterator[list[tuple[bytes, int]]]:
    """Cut a level after a hash divisible by four; groups have three to nine nodes."""
    at = 0
    while at < len(level):
        end = min(at + 2 * _MEAN_BRANCHES + 1, len(level))
        cut = end
        for index in range(at + 2, end):
            if level[index][0][24] % _MEAN_BRANCHES == 0:  # lowest byte of the last number
                cut = index + 1
                break
        yield level[at:cut]
        at = cut


def _merge(group: list[tuple[bytes, int]]) -> tuple[bytes, int]:
    text = "".join(f"{to_hex(node)} : {size}\n" for node, size in group)
    return blake3(text.encode(), key=_NODE_KEY).digest(), sum(size for _node, size in group)


def xorb_hash(chunks: Sequence[Chunk]) -> str:
    """Return the hash that names a bundle."""
    return to_hex(merkle_root((chunk.hash, chunk.size) for chunk in chunks))


def file_hash(chunks: Iterable[Chunk]) -> str:
    """Return the hash that names a file."""
    root = merkle_root((chunk.hash, chunk.size) for chunk in chunks)
    return to_hex(blake3(root, key=_FILE_KEY).digest())


def term_proof(chunks: Iterable[Chunk]) -> bytes:
    """Return what only somebody who knows these chunks can compute."""
    return blake3(b"".join(chunk.hash for chunk in chunks), key=_TERM_KEY).digest()


def pack_chunks(chunks: Iterable[Chunk]) -> bytes:
    """Return a bundle's table of chunks as it is stored."""
    return b"".join(_TABLE_ROW.pack(chunk.hash, chunk.size, chunk.end) for chunk in chunks)


def unpack_chunks(table: bytes) -> list[Chunk]:
    """Return a stored table of chunks."""
    return [Chunk(*row) for row in _TABLE_ROW.iter_unpack(table)]


class ChunkReader:
    """Unpacks chunks from packed bytes that come in pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0
        self.in_footer = False

    def feed(self, data: bytes) -> None:
        """Add packed bytes; at most one piece should wait unread."""
        if not self.in_footer:
            self._buffer += data

    def unpack(self) -> list[tuple[bytes, int]]:
        """Return some megabytes of chunks, each with the position where its packed bytes end.

        An empty list means that more is needed.
        """
        out: list[tuple[bytes, int]] = []
        total = used = 0
        while total < _BATCH_BYTES and not self.in_footer:
            packed = self._next(used)
            if packed is None:
                break
            data, length = packed
            used += length
            total += len(data)
            out.append((data, self._at + used))
        del self._buffer[:used]
        self._at += used
        return out

    def _next(self, at: int) -> tuple[bytes, int] | None:
        header = self._buffer[at : at + 8]
        if header[:1] == b"X":  # the optional footer starts with XETBLOB
            self.in_footer = True
            return None
        if len(header) < 8:  # noqa: PLR2004  # bytes of a header
            return None
        packed_size = int.from_bytes(header[1:4], "little")
        raw_size = int.from_bytes(header[5:8], "little")
        if header[0] != 0 or not 0 < raw_size <= MAX_CHUNK_BYTES or packed_size > 2 * raw_size + 64:
            raise BadRequestError("A chunk header in this xorb is not valid.", code="bad_xorb")
        if len(self._buffer) < at + 8 + packed_size:
            return None
        data = _unpack(header[4], bytes(self._buffer[at + 8 : at + 8 + packed_size]), raw_size)
        return data, 8 + packed_size

    def finish(self) -> None:
        """Check that nothing is left over.

        Raises:
            BadRequestError: the bytes end inside a chunk.
        """
        if self._buffer and not self.in_footer:
            raise BadRequestError("This xorb ends inside a chunk.", code="bad_xorb")


def _unpack(scheme: int, packed: bytes, raw_size: int) -> bytes:
    if scheme == 0:
        data = packed
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
    return _ungroup(data) if scheme == 2 else data  # noqa: PLR2004  # byte-grouped


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
        self._reader = ChunkReader()
        self.chunks: list[Chunk] = []

    def feed(self, data: bytes) -> None:
        """Read more packed bytes.

        Raises:
            BadRequestError: they are not a bundle.
        """
        self._reader.feed(data)
        while batch := self._reader.unpack():
            self.chunks += [Chunk(chunk_hash(raw), len(raw), end) for raw, end in batch]

    def finish(self) -> list[Chunk]:
        """Return the table of chunks.

        Raises:
            BadRequestError: the bundle is empty or cut short.
        """
        self._reader.finish()
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
        """Return the files that the shard describes.

        Raises:
            BadRequestError: these bytes are not a shard, or a file lacks its proofs or its sha256.
        """
        if self._buffer[: len(_SHARD_TAG)] != _SHARD_TAG:
            raise BadRequestError("These bytes are not a shard.", code="bad_shard")
        found, at = [], _RECORD
        while self._record(at)[:32] != _BOOKEND:
            file, at = self._file(at)
            found.append(file)
        return found

    def _record(self, at: int) -> bytes:
        record = bytes(self._buffer[at : at + _RECORD])
        if len(record) < _RECORD:
            raise BadRequestError("This shard is cut short.", code="bad_shard")
        return record

    def _file(self, at: int) -> tuple[ShardFile, int]:
        head = self._record(at)
        flags, count = struct.unpack_from("<II", head, 32)
        if not flags & _WITH_VERIFICATION or not flags & _WITH_METADATA:
            raise BadRequestError("A file of this shard lacks its proofs.", code="bad_shard")
        terms_at = at + _RECORD
        proofs_at = terms_at + count * _RECORD
        end = proofs_at + count * _RECORD
        digest = self._record(end)[:32]
        terms = tuple(
            self._term(terms_at + n * _RECORD, self._record(proofs_at + n * _RECORD)[:32])
            for n in range(count)
        )
        return ShardFile(to_hex(head[:32]), to_hex(digest), terms), end + _RECORD

    def _term(self, at: int, proof: bytes) -> Term:
        record = self._record(at)
        _flags, size, first, last = struct.unpack_from("<IIII", record, 32)
        return Term(to_hex(record[:32]), size, first, last, proof)
