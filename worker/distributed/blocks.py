"""The blocks of a network: the members of its outermost lists of layers."""

from collections.abc import Iterator

from torch import nn

_LEAST_BLOCKS = 2


def blocks_of(module: nn.Module) -> Iterator[nn.Module]:
    """Return the blocks of a network from stem to head, none if it has none."""
    for child in module.children():
        members = [part for part in child.children() if any(True for _ in part.parameters())]
        if isinstance(child, nn.Sequential | nn.ModuleList) and len(members) >= _LEAST_BLOCKS:
            yield from members
        else:
            yield from blocks_of(child)
