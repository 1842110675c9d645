"""Reading arrays without running anything they bring: NPY and NPZ, and IDX."""

import ast
import gzip
import io
import math
import struct
import zipfile
import zlib
from dataclasses import dataclass

from worker.contract.packed import Pixels
from worker.contract.sources import ArchiveError, ZipSource

MAX_ARRAY_BYTES = 512 * 1024 * 1024
_CODES = {"b1": "?", "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I"}
_CODES |= {"i8": "q", "u8": "Q", "f4": "f", "f8": "d"}
_NPY_MAGIC = b"\x93NUMPY"
_IDX_BYTES = 8
_PICTURES = 3
_COLOR_PICTURES = 4


class ArrayUnreadableError(ValueError):
    """The bytes are not an array that is read; the message says why."""


@dataclass(frozen=True)
class Array:
    """An array in C order. `code` is the letter `struct` uses; `order` is `<` or `>`."""

    shape: tuple[int, ...]
    code: str
    order: str
    data: bytes

    def pixels(self, *, is_planar: bool = False) -> Pixels:
        """Return the array as pictures (N, H, W) or (N, H, W, colours).

        Raises:
            ArrayUnreadableError: it is not an array of pictures, a byte a value.
        """
        shape = self.shape
        if self.code != "B" or len(shape) not in {_PICTURES, _COLOR_PICTURES}:
            raise ArrayUnreadableError(f"an array of the shape {shape} holds no 8-bit pictures")
        channels = shape[3] if len(shape) == _COLOR_PICTURES else 1
        if channels not in {1, 3}:
            raise ArrayUnreadableError(f"pictures have 1 or 3 colours, not {channels}")
        return Pixels(memoryview(self.data), shape[0], shape[1], shape[2], channels, is_planar)

    def rows(self) -> list[tuple[int, ...]]:
        """Return the numbers as rows: (N,) and (N, k) alike.

        Raises:
            ArrayUnreadableError: it holds no whole numbers in rows.
        """
        if self.code in "fd?" or not 1 <= len(self.shape) <= 2:  # noqa: PLR2004 - rows of numbers
            raise ArrayUnreadableError(f"an array of the shape {self.shape} holds no class numbers")
        width = self.shape[1] if len(self.shape) > 1 else 1
        numbers = struct.unpack(f"{self.order}{self.shape[0] * width}{self.code}", self.data)
        return [numbers[start : start + width] for start in range(0, len(numbers), width or 1)]


def array_of(shape: tuple[int, ...], descr: str, data: bytes) -> Array:
    """Return an array of the bytes `data`, whose numbers have NumPy's type `descr`.

    Raises:
        ArrayUnreadableError: the type is not read, or the bytes are too many or too few.
    """
    code = _CODES.get(descr[1:])
    if descr[:1] not in {"<", ">", "|", "="} or code is None:
        raise ArrayUnreadableError(f"numbers of the type {descr[:20]!r} are not read")
    wanted = math.prod(shape) * struct.calcsize("<" + code)
    if len(data) != wanted:
        raise ArrayUnreadableError("its size is not what its head says")
    return Array(shape, code, ">" if descr[0] == ">" else "<", data)


def read_npy(content: bytes) -> Array:
    """Return the array of an NPY file.

    Raises:
        ArrayUnreadableError: damaged, in Fortran order, or with Python objects in it.
    """
    if not content.startswith(_NPY_MAGIC) or len(content) < 12:  # noqa: PLR2004 - the shortest head
        raise ArrayUnreadableError("not an array")
    start, size = (10, "<H") if content[6] == 1 else (12, "<I")
    (length,) = struct.unpack_from(size, content, 8)
    try:
        head = ast.literal_eval(content[start : start + length].decode("latin-1").strip())
        descr, shape, is_fortran = head["descr"], head["shape"], head["fortran_order"]
    except (ValueError, SyntaxError, KeyError, TypeError, MemoryError, RecursionError) as error:
        raise ArrayUnreadableError("its head is damaged") from error
    if not isinstance(shape, tuple) or not all(isinstance(n, int) and n >= 0 for n in shape):
        raise ArrayUnreadableError("its head is damaged")
    if is_fortran and len(shape) > 1:
        raise ArrayUnreadableError("it is in Fortran order; save it with numpy.ascontiguousarray")
    return array_of(shape, str(descr), content[start + length :])


def read_npz(content: bytes) -> dict[str, Array]:
    """Return the arrays of an NPZ file by name.

    Raises:
        ArrayUnreadableError: damaged, too large, or with Python objects in it.
    """
    try:
        archive = ZipSource(io.BytesIO(content))
        paths = [path for path in archive.paths() if path.endswith(".npy")]
        if sum(archive.size(path) for path in paths) > MAX_ARRAY_BYTES:
            raise ArrayUnreadableError("it unpacks to more than 512 MB")
        return {path.removesuffix(".npy"): read_npy(archive.read(path)) for path in paths}
    except (ArchiveError, zipfile.BadZipFile) as error:
        raise ArrayUnreadableError(str(error)) from error


def read_idx(content: bytes) -> Array:
    """Return the array of an IDX file, as MNIST comes in, packed with gzip or not.

    Raises:
        ArrayUnreadableError: damaged, too large, or of numbers that are no bytes.
    """
    if content[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
                content = file.read(MAX_ARRAY_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise ArrayUnreadableError("the gzip file is damaged") from error
    if len(content) > MAX_ARRAY_BYTES:
        raise ArrayUnreadableError("it unpacks to more than 512 MB")
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _IDX_BYTES:  # noqa: PLR2004 - the magic
        raise ArrayUnreadableError("it is no IDX file of bytes")
    dimensions = content[3]
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise ArrayUnreadableError("its head is damaged")
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    return array_of(shape, "|u1", content[start:])
