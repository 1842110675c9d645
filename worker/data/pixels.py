"""Where decoded pictures lie: in memory, in a file, or nowhere when neither has room for them."""

import os
import resource
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from worker.contract.failures import FailureCode, RunError

# A set larger than this lies in a file.
MEMORY_LIMIT_BYTES = 1024**3
# What is left free for checkpoints and the result.
_SPARE_BYTES = 2 * 1024**3
_SPLIT = 256

Decode = Callable[[int], Tensor]
Say = Callable[[str], None]


class Pixels(Protocol):
    """Pictures of one size as bytes (N, 3, side, side); some of them are picked by number."""

    @property
    def shape(self) -> Sequence[int]: ...

    def __getitem__(self, indices: Tensor, /) -> Tensor: ...

    def split(self, split_size: int, /) -> Sequence[Tensor] | Iterator[Tensor]: ...


class FilePixels:
    """Pictures in a file without a name: reading some of them takes memory for those alone."""

    def __init__(self, count: int, side: int, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.shape = (count, 3, side, side)
        self._size = 3 * side * side
        self._fd, name = tempfile.mkstemp(dir=folder)
        # Open as long as this object lives; the space comes back when it goes.
        Path(name).unlink()
        weakref.finalize(self, os.close, self._fd)

    def put(self, place: int, picture_CHW: Tensor) -> None:
        """Write one picture; several threads may at once."""
        content = picture_CHW.contiguous().numpy().tobytes()
        done = os.pwrite(self._fd, content, place * self._size)
        if done != self._size:
            raise OSError(f"only {done} of {self._size} bytes were written")

    def __getitem__(self, indices: Tensor) -> Tensor:
        """Return pictures in the order asked for."""
        picked = torch.empty(len(indices), *self.shape[1:], dtype=torch.uint8)
        rows = picked.view(len(indices), -1).numpy()
        for row, place in zip(rows, indices.tolist(), strict=True):
            os.preadv(self._fd, [memoryview(row)], place * self._size)
        return picked


class MemoryPixels:
    """Pictures in memory."""

    def __init__(self, count: int, side: int) -> None:
        self.shape = (count, 3, side, side)
        self._block = torch.empty(self.shape, dtype=torch.uint8)

    def put(self, place: int, picture_CHW: Tensor) -> None:
        """Keep one picture; several threads may at once."""
        self._block[place] = picture_CHW

    def __getitem__(self, indices: Tensor) -> Tensor:
        """Return pictures in the order asked for."""
        return self._block[indices]


class KeptPixels:
    """Pictures that are decoded when they are first asked for, and kept.

    Where features of an earlier run say all that is to be known of them, most never are.
    """

    def __init__(self, store: MemoryPixels | FilePixels, decode: Decode) -> None:
        self.shape = store.shape
        self._store, self._decode = store, decode
        self._is_there = torch.zeros(self.shape[0], dtype=torch.bool)

    def __getitem__(self, indices: Tensor) -> Tensor:
        """Return pictures in the order asked for.

        Raises:
            RunError: one of them cannot be read, or the disk is full.
        """
        missing = indices[~self._is_there[indices]].unique().tolist()
        if missing:
            with ThreadPoolExecutor(max_workers=_threads()) as pool:
                for _ in pool.map(self._keep, missing):
                    pass
        return self._store[indices]

    def split(self, split_size: int) -> Iterator[Tensor]:
        """Yield all pictures in order, some at a time."""
        return _in_order(self, split_size)

    def _keep(self, place: int) -> None:
        try:
            self._store.put(place, self._decode(place))
        except OSError as error:
            raise RunError(FailureCode.DISK_FULL, f"Decoded pictures: {error}.") from error
        self._is_there[place] = True


class FreshPixels:
    """Pictures that are decoded each time they are asked for, a few at once."""

    def __init__(self, count: int, side: int, decode: Decode) -> None:
        self.shape = (count, 3, side, side)
        self._decode = decode
        self._pool = ThreadPoolExecutor(max_workers=_threads())

    def __getitem__(self, indices: Tensor) -> Tensor:
        """Return pictures in the order asked for."""
        return torch.stack(list(self._pool.map(self._decode, indices.tolist())))

    def split(self, split_size: int) -> Iterator[Tensor]:
        """Yield all pictures in order, some at a time."""
        return _in_order(self, split_size)


def decoded_pixels(count: int, side: int, decode: Decode, folder: Path, say: Say) -> Pixels:
    """Return the squares of `side` pixels that `decode` gives, each made at most once if possible.

    Args:
        count: how many there are.
        side: their side in pixels.
        decode: returns one of them by its number; called by several threads.
        folder: where a file may lie.
        say: told where they lie, when that is not memory.
    """
    size = count * 3 * side * side
    if size <= MEMORY_LIMIT_BYTES:
        return KeptPixels(MemoryPixels(count, side), decode)
    if size > _room(folder):
        say(
            f"{count} pictures take {size / 1e9:.1f} GB, more than memory and disk have room for: "
            "they are decoded anew for every batch."
        )
        return FreshPixels(count, side, decode)
    say(f"{count} decoded pictures ({size / 1e9:.1f} GB) lie in a file; memory holds a batch.")
    return KeptPixels(FilePixels(count, side, folder), decode)


def _in_order(pixels: Pixels, size: int) -> Iterator[Tensor]:
    for indices in torch.arange(pixels.shape[0]).split(size):
        yield pixels[indices]


def _threads() -> int:
    return min(8, os.cpu_count() or 1)


def _room(folder: Path) -> int:
    """Return how large a file may become: free space but some to spare, and the process's limit."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free - _SPARE_BYTES
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return free if limit == resource.RLIM_INFINITY else min(free, limit)


def measure_colors(pixels: Pixels) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation of each colour, for values from 0 to 1."""
    total = torch.zeros(3, dtype=torch.float64)
    squares = torch.zeros(3, dtype=torch.float64)
    count = 0
    for part in pixels.split(_SPLIT):
        values = part.to(torch.float64) / 255
        total += values.sum(dim=(0, 2, 3))
        squares += values.square().sum(dim=(0, 2, 3))
        count += values.shape[0] * values.shape[2] * values.shape[3]
    mean = total / count
    deviation = (squares / count - mean.square()).clamp_min(1e-6).sqrt()
    return mean.tolist(), deviation.tolist()
