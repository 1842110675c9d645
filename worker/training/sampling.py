"""Which samples make a batch, and in which order: the same for the same seed and epoch."""

import torch
from torch import Tensor

# How many batches' worth of samples are sorted by length together.
_POOL = 50


def epoch_seed(seed: int, epoch: int) -> int:
    """Return the seed of everything random in one epoch (counted from 1 over the run)."""
    return (seed * 1_000_003 + epoch) % 2**63


def epoch_order(count: int, seed: int, epoch: int) -> Tensor:
    """Return the order of the training samples in one epoch."""
    generator = torch.Generator().manual_seed(epoch_seed(seed, epoch))
    return torch.randperm(count, generator=generator)


def epoch_batches(
    count: int, batch_size: int, seed: int, epoch: int, lengths_N: Tensor | None = None
) -> list[Tensor]:
    """Return the batches of one epoch; a lone last sample joins the batch before it.

    BatchNorm cannot learn from a batch of one. With lengths, samples of like length share a batch,
    so that little is padded, and the batches come in random order.
    """
    order_N = epoch_order(count, seed, epoch)
    if lengths_N is None:
        return _without_lone(list(order_N.split(batch_size)))
    pools = order_N.split(batch_size * _POOL)
    sorted_N = torch.cat([pool[lengths_N[pool].argsort(stable=True)] for pool in pools])
    batches = _without_lone(list(sorted_N.split(batch_size)))
    shuffled = epoch_order(len(batches), seed, epoch + 1)
    return [batches[index] for index in shuffled.tolist()]


def _without_lone(batches: list[Tensor]) -> list[Tensor]:
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches
