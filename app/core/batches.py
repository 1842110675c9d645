"""Long sequences in runs of a bounded length, for statements, buffers and waits."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def batched(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield `items` in their order, at most `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
