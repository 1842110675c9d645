"""Heads that guess words, computed only where a guess is wanted."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn


@contextmanager
def only_where(head: nn.Module, wanted_BT: Tensor | None) -> Iterator[None]:
    """Let a head answer (N, V) for the N wanted tokens of a batch, in their order, for a block.

    A vocabulary is so large that the head can cost as much as all blocks. None: every token.
    """
    if wanted_BT is None:
        yield
        return
    handle = head.register_forward_pre_hook(lambda _, args: (args[0][wanted_BT], *args[1:]))
    try:
        yield
    finally:
        handle.remove()
