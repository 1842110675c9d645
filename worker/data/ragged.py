"""Rows of numbers of different lengths, close together: in memory, and beyond a size in a file."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import IO, overload

import numpy as np
import torch
from torch import Tensor

# Numbers up to this size stay in memory, more of them lie in a file that is mapped.
MEMORY_LIMIT_BYTES = 256 * 1024**2
_NUMBER = np.dtype(np.int32)
_TOGETHER = 512
_Numbers = np.ndarray[tuple[int], np.dtype[np.int32]]


class Ragged(Sequence[Tensor]):
    """Rows of whole numbers, kept in 32 bits each and read as 64-bit tensors."""

    def __init__(self, rows: Iterable[Sequence[int]]) -> None:
        held: list[_Numbers] = []
        self._ends = [0]
        self._file: IO[bytes] | None = None
        numbers, remaining = 0, iter(rows)
        while part := list(islice(remaining, _TOGETHER)):
            for row in part:
                self._ends.append(self._ends[-1] + len(row))
            held.append(np.fromiter((n for row in part for n in row), _NUMBER))
            numbers += len(held[-1])
            if numbers * _NUMBER.itemsize > MEMORY_LIMIT_BYTES:
                self._write(held)
                numbers = 0
        self._flat = self._joined(held)

    def _joined(self, held: list[_Numbers]) -> _Numbers:
        """Return all numbers in one row, in memory or mapped."""
        if self._file is None:
            return np.concatenate(held) if held else np.empty(0, _NUMBER)
        self._write(held)
        mapped = np.memmap(self._file, _NUMBER, "r")
        # The mapping keeps the space when the file is closed.
        self._file.close()
        return mapped

    def _write(self, held: list[_Numbers]) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when all is written
        for part in held:
            self._file.write(part.tobytes())
        self._file.flush()
        held.clear()

    def __len__(self) -> int:
        return len(self._ends) - 1

    @property
    def lengths(self) -> Tensor:
        """How many numbers each row has."""
        return torch.tensor(self._ends).diff()

    @overload
    def __getitem__(self, place: int) -> Tensor: ...
    @overload
    def __getitem__(self, place: slice) -> list[Tensor]: ...
    def __getitem__(self, place: int | slice) -> Tensor | list[Tensor]:
        """Return a row as a tensor of its own."""
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        number = place % len(self)
        row = self._flat[self._ends[number] : self._ends[number + 1]]
        return torch.from_numpy(row.astype(np.int64))

    def __iter__(self) -> Iterator[Tensor]:
        return (self[number] for number in range(len(self)))
