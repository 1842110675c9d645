"""Files that lie together in one array or column: each is read as a file of its own."""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

from worker.contract.sources import FileSource

_COLORS = 3


@dataclass(frozen=True)
class Pixels:
    """Pictures of one size, a byte a value. `is_planar`: all red, then all green, then all blue."""

    values: memoryview
    count: int
    height: int
    width: int
    channels: int = 1
    is_planar: bool = False

    def picture(self, number: int) -> bytes:
        """Return one picture, from 0, as a portable any-map: a short head and the bare pixels."""
        area = self.height * self.width
        size = area * self.channels
        bare = self.values[number * size : (number + 1) * size]
        kind = b"P6" if self.channels == _COLORS else b"P5"
        head = b"%s %d %d 255\n" % (kind, self.width, self.height)
        if not self.is_planar or self.channels != _COLORS:
            return head + bytes(bare)
        mixed = bytearray(size)
        for channel in range(_COLORS):
            mixed[channel::_COLORS] = bare[channel * area : (channel + 1) * area]
        return head + bytes(mixed)


class Shelf:
    """The parts of tables that were unpacked last; the same few serve all tables of a data set."""

    _MOST = 2

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[int, int], Sequence[bytes]] = OrderedDict()
        self._lock = Lock()

    def part(self, key: tuple[int, int], unpack: Callable[[], Sequence[bytes]]) -> Sequence[bytes]:
        """Return a part; only one thread unpacks at a time."""
        with self._lock:
            if key not in self._held:
                while len(self._held) >= self._MOST:
                    self._held.popitem(last=False)
                self._held[key] = unpack()
            self._held.move_to_end(key)
            return self._held[key]


@dataclass(frozen=True)
class Blobs:
    """Whole files that lie in a column of a table, by number; a part is unpacked when asked for.

    `starts` are the first numbers of the parts; `unpack` returns one part.
    """

    starts: Sequence[int]
    unpack: Callable[[int], Sequence[bytes]]
    shelf: Shelf

    def picture(self, number: int) -> bytes:
        """Return one file, from 0."""
        part = bisect_right(self.starts, number) - 1
        found = self.shelf.part((id(self.starts), part), lambda: self.unpack(part))
        return found[number - self.starts[part]]


class Place(NamedTuple):
    """Where a file lies: in which array or column, as the how-manieth."""

    held: Pixels | Blobs
    number: int


class PackedSource:
    """The files of a data set, and besides them those that lie packed in others."""

    def __init__(self, inner: FileSource, pictures: Mapping[str, Place]) -> None:
        self._inner = inner
        self._pictures = pictures

    def paths(self) -> Sequence[str]:
        """Return every file path, sorted; a path that ends in `/` is an empty folder."""
        return sorted([*self._inner.paths(), *self._pictures])

    def size(self, path: str) -> int:
        """Return the size of a file in bytes."""
        return len(self.read(path)) if path in self._pictures else self._inner.size(path)

    def read(self, path: str) -> bytes:
        """Return the bytes of a file."""
        place = self._pictures.get(path)
        return self._inner.read(path) if place is None else place.held.picture(place.number)


def name_of(container: str, number: int, pixels: Pixels) -> str:
    """Return the path of a picture in an array, from 0."""
    return f"{container}/{number:06}.{'ppm' if pixels.channels == _COLORS else 'pgm'}"
