"""Gradient checkpointing for any network: blocks are computed again instead of being kept."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from worker.distributed.blocks import blocks_of


def recompute_blocks(module: nn.Module) -> list[nn.Module]:
    """Let the blocks of a network compute their inside twice; return them, none if it has none.

    Blocks are the members of the outermost lists of layers. The result is the same: random
    numbers are drawn alike, and BatchNorm counts a batch once.
    """
    blocks = [block for block in blocks_of(module) if "forward" not in vars(block)]
    for block in blocks:
        block.forward = partial(_run, block, block.forward)
    return blocks


def keep_blocks(blocks: list[nn.Module]) -> None:
    """Undo it."""
    for block in blocks:
        del block.forward


def _run(block: nn.Module, forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if not torch.is_grad_enabled():
        return forward(*args, **kwargs)

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _uncounted(block)

    return checkpoint(forward, *args, use_reentrant=False, context_fn=contexts, **kwargs)


@contextmanager
def _uncounted(block: nn.Module) -> Iterator[None]:
    """Leave BatchNorm's statistics as they are while a block is computed again."""
    norms = [part for part in block.modules() if isinstance(part, _BatchNorm)]
    kept = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
        if norm.num_batches_tracked is not None:
            norm.num_batches_tracked = norm.num_batches_tracked.clone()
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, kept, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count
