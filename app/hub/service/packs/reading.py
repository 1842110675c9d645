"""Reading a pack that somebody sent: never trusted, never whole in memory.

Everything here blocks; run it in a thread. Source: gitformat-pack of git's own documentation.
"""

import hashlib
import mmap
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from app.core.errors import InvalidError
from app.core.i18n import _
from app.hub.objects import object_id
from app.hub.schemas import MAX_REGULAR_BYTES
from app.hub.service.packs import delta

COMMIT, TREE, BLOB, TAG, OFFSET_DELTA, ID_DELTA = 1, 2, 3, 4, 6, 7
KINDS = {COMMIT: "commit", TREE: "tree", BLOB: "blob", TAG: "tag"}
_MAX_OBJECTS = 1_000_000
# What git itself never exceeds; each step costs a copy of the object.
_MAX_CHAIN = 4095
# A few bytes can unpack to very many: this much work is done for one pack, and no more.
_MAX_WORK_BYTES = 32 << 30
# Larger files are refused anyway; up to here they are still put together, to say which it is.
_MAX_BYTES = 64 << 20
_CACHE_BYTES = 48 << 20
_MAX_BASES_BYTES = 64 << 20
_TRAILER = 20
_STEP = 64 << 10


@dataclass(slots=True)
class _Entry:
    """An object as it stands in the pack: where its data begin and what they are a delta of."""

    kind: int
    size: int
    data_at: int
    base: int | str | None = None


@dataclass(frozen=True, slots=True)
class PackObject:
    """An object of the pack by what it is, how large, and where it stands."""

    kind: int
    size: int
    offset: int


class PackFile:
    """The objects of one received pack, by id, each read again when it is asked for."""

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        self.objects: dict[str, PackObject] = {}
        self._map = mmap.mmap(file.fileno(), end, access=mmap.ACCESS_READ)
        self._start, self._end = start, end - _TRAILER
        self._entries: dict[int, _Entry] = {}
        self._ids: dict[int, str] = {}
        self._waiting: list[int] = []
        self._bases: dict[str, tuple[int, bytes]] = {}
        self._cache: OrderedDict[int, tuple[int, bytes]] = OrderedDict()
        self._cached_bytes = 0
        self._consumed = 0
        self._work = 0
        self._chains: dict[int, int] = {}

    @property
    def size(self) -> int:
        """The bytes that were sent."""
        return self._end - self._start

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()

    def index(self) -> set[str]:
        """Find every object; return the ids of objects outside the pack that deltas stand on.

        Raises:
            InvalidError: this is no pack, it is damaged, or an object in it is too large.
        """
        if self._end - self._start < 12 or self._map[self._start : self._start + 4] != b"PACK":  # noqa: PLR2004  # the header's length
            raise _bad()
        header = self._map[self._start : self._start + 12]
        number = int.from_bytes(header[8:], "big")
        if int.from_bytes(header[4:8], "big") not in {2, 3} or number > _MAX_OBJECTS:
            raise _bad()
        self._check_trailer()
        at = self._start + 12
        for _number in range(number):
            at = self._scan(at)
        if at != self._end:
            raise _bad()
        return self.resolve()

    def _check_trailer(self) -> None:
        digest = hashlib.sha1(usedforsecurity=False)
        for at in range(self._start, self._end, 1 << 20):
            digest.update(self._map[at : min(at + (1 << 20), self._end)])
        if digest.digest() != self._map[self._end : self._end + _TRAILER]:
            raise _bad()

    def _scan(self, offset: int) -> int:
        """Take down the object at `offset`; return where the next one stands."""
        entry = self._header(offset)
        self._entries[offset] = entry
        self._count_work(entry.size)
        if entry.base is not None or entry.size > _MAX_BYTES:
            if entry.kind != BLOB and entry.size > _MAX_BYTES:
                raise _too_large(entry.size)
            return self._inflate(entry, _ignore if entry.base is not None else None, offset)
        pieces: list[bytes] = []
        end = self._inflate(entry, pieces.append, offset)
        if entry.base is None:
            content = b"".join(pieces)
            self._found(offset, entry.kind, content)
        return end

    def _header(self, offset: int) -> _Entry:
        at, byte = offset + 1, self._byte(offset)
        kind, size, shift = byte >> 4 & 7, byte & 15, 4
        while byte & 0x80:
            byte = self._byte(at)
            size |= (byte & 0x7F) << shift
            shift += 7
            at += 1
        entry = _Entry(kind, size, at)
        if kind == OFFSET_DELTA:
            distance, entry.data_at = self._distance(at)
            entry.base = offset - distance
            if entry.base not in self._entries:
                raise _bad()
        elif kind == ID_DELTA:
            entry.base = self._map[at : at + 20].hex()
            entry.data_at = at + 20
            self._waiting.append(offset)
        elif kind not in KINDS:
            raise _bad()
        if kind == OFFSET_DELTA:
            self._waiting.append(offset)
        return entry

    def _byte(self, at: int) -> int:
        if at >= self._end:
            raise _bad()
        return self._map[at]

    def _distance(self, at: int) -> tuple[int, int]:
        byte = self._byte(at)
        distance, at = byte & 0x7F, at + 1
        while byte & 0x80:
            byte = self._byte(at)
            distance, at = (distance + 1) << 7 | byte & 0x7F, at + 1
        return distance, at

    def _inflate(self, entry: _Entry, take: Callable[[bytes], object] | None, offset: int) -> int:
        """Unpack an entry piece by piece; return where it ends.

        Without `take` the object is too large to be kept, and only its id is found out.
        """
        digest = hashlib.sha1(usedforsecurity=False)
        if take is None:
            digest.update(f"{KINDS[entry.kind]} {entry.size}\0".encode())
            take = digest.update
        total = 0
        unpacker = zlib.decompressobj()
        for data in self._unpacked(entry, unpacker):
            total += len(data)
            if total > entry.size:
                raise _bad()
            take(data)
        if total != entry.size or not unpacker.eof:
            raise _bad()
        if entry.base is None and entry.size > _MAX_BYTES:
            self._name(offset, entry.kind, digest.hexdigest(), entry.size)
        return self._consumed

    def _unpacked(self, entry: _Entry, unpacker: "zlib._Decompress") -> Iterator[bytes]:
        """Yield an entry's data and leave in `_consumed` where they end in the file."""
        at = entry.data_at
        step = min(_STEP, max(256, entry.size))
        try:
            while not unpacker.eof:
                data = self._map[at : min(at + step, self._end)]
                if not data:
                    raise _bad()
                at += len(data)
                while data and not unpacker.eof:
                    yield unpacker.decompress(data, 1 << 20)
                    data = unpacker.unconsumed_tail
        except zlib.error as error:
            raise _bad() from error
        self._consumed = at - len(unpacker.unused_data)

    def resolve(self) -> set[str]:
        """Put together the deltas that can be; return the ids of bases that are not here."""
        progress = True
        while self._waiting and progress:
            before, waiting = len(self._waiting), self._waiting
            # Bases that stand behind their deltas make for another round, thousands if somebody
            # means it; a round costs about as much as this many bytes for each delta.
            self._count_work(1000 * before)
            self._waiting = [offset for offset in waiting if not self._try(offset)]
            progress = len(self._waiting) < before
        bases = {self._entries[offset].base for offset in self._waiting}
        return {base for base in bases if isinstance(base, str)}

    def _try(self, offset: int) -> bool:
        base = self._entries[offset].base
        if isinstance(base, str) and base not in self._bases:
            if base not in self.objects:
                return False
            base = self._entries[offset].base = self.objects[base].offset
        elif isinstance(base, int) and base not in self._ids:
            return False
        depth = self._chains.get(base, 0) + 1 if isinstance(base, int) else 1
        self._chains[offset] = depth
        if depth > _MAX_CHAIN:
            raise _bad()
        kind, content = self._content(offset)
        self._count_work(len(content))
        self._found(offset, kind, content)
        return True

    def _count_work(self, size: int) -> None:
        self._work += size
        if self._work > _MAX_WORK_BYTES:
            raise InvalidError(
                _("This pack unpacks to more than may be sent at once."),
                fix=_("Push its history in parts."),
                code="too_large",
            )

    def add_base(self, oid: str, kind: int, content: bytes) -> None:
        """Give the pack an object that its deltas stand on and that it left out.

        Raises:
            InvalidError: there are too many of them to be held in memory.
        """
        self._bases[oid] = (kind, content)
        if sum(len(content) for _kind, content in self._bases.values()) > _MAX_BASES_BYTES:
            raise InvalidError(
                _("This pack stands on too much that it does not hold."),
                fix=_("Push again with: git push --no-thin"),
                code="thin_pack",
            )

    def _found(self, offset: int, kind: int, content: bytes) -> None:
        self._name(offset, kind, object_id(KINDS[kind], content), len(content))
        self._remember(offset, kind, content)

    def _name(self, offset: int, kind: int, oid: str, size: int) -> None:
        self._ids[offset] = oid
        self.objects.setdefault(oid, PackObject(kind, size, offset))

    def read(self, oid: str) -> bytes:
        """Return the content of an object of the pack.

        Raises:
            InvalidError: it is larger than any file inside git may be.
        """
        found = self.objects[oid]
        if found.size > _MAX_BYTES:
            raise _too_large(found.size)
        return self._content(found.offset)[1]

    def _content(self, offset: int) -> tuple[int, bytes]:
        """Return kind and content, applying deltas from the first known base upwards."""
        chain: list[int] = []
        at: int | str = offset
        while isinstance(at, int) and at not in self._cache and self._entries[at].base is not None:
            chain.append(at)
            base = self._entries[at].base
            at = base if base is not None else at
        if isinstance(at, str):
            kind, content = self._bases[at]
        elif at in self._cache:
            kind, content = self._cache[at]
            self._cache.move_to_end(at)
        else:
            kind, content = self._entries[at].kind, self._raw(self._entries[at])
        for place in reversed(chain):
            instructions = self._raw(self._entries[place])
            size = delta.sizes(instructions)[1]
            if size > _MAX_BYTES:
                raise _too_large(size)
            content = delta.apply(content, instructions)
            self._remember(place, kind, content)
        return kind, content

    def _raw(self, entry: _Entry) -> bytes:
        return b"".join(self._unpacked(entry, zlib.decompressobj()))

    def _remember(self, offset: int, kind: int, content: bytes) -> None:
        if offset in self._cache or len(content) > _CACHE_BYTES // 4:
            return
        self._cache[offset] = (kind, content)
        self._cached_bytes += len(content)
        while self._cached_bytes > _CACHE_BYTES:
            _old, (_kind, dropped) = self._cache.popitem(last=False)
            self._cached_bytes -= len(dropped)


def _ignore(data: bytes) -> None:
    del data


def _bad() -> InvalidError:
    return InvalidError(
        _("The pack is damaged or cut short."), fix=_("Push again."), code="bad_pack"
    )


def _too_large(size: int) -> InvalidError:
    return InvalidError(
        _("An object of %(size)d bytes is larger than git may keep here (%(limit)d bytes).")
        % {"size": size, "limit": MAX_REGULAR_BYTES},
        fix=_('Keep large files with Git LFS: git lfs track "*.bin"'),
        code="too_large_for_git",
    )
