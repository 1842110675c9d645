"""Which samples make a batch, and in which order: the same for the same seed and epoch."""

from typing import Literal

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


def evened_order(
    labels_N: Tensor, kind: Literal["oversample", "undersample"], seed: int, epoch: int
) -> Tensor:
    """Return an order of one epoch in which every class appears equally often.

    With oversample each class appears as often as the largest, its samples repeated in turn; with
    undersample as often as the smallest, other samples in every epoch.
    """
    counts = torch.bincount(labels_N)
    present = counts[counts > 0]
    wanted = int(present.max() if kind == "oversample" else present.min())
    order_N = epoch_order(len(labels_N), seed, epoch)
    parts = []
    for label in counts.nonzero().flatten().tolist():
        own = order_N[labels_N[order_N] == label]
        parts.append(own.repeat(-(-wanted // len(own)))[:wanted])
    drawn = torch.cat(parts)
    return drawn[epoch_order(len(drawn), seed, epoch)]


def epoch_batches(
    count: int, batch_size: int, seed: int, epoch: int, lengths_N: Tensor | None = None
) -> list[Tensor]:
    """Return the batches of one epoch; a lone last sample joins the batch before it.

    BatchNorm cannot learn from a batch of one. With lengths, samples of like length share a batch,
    so that little is padded, and the batches come in random order.
    """
    order_N = epoch_order(count, seed, epoch)
    return batches_of(order_N, batch_size, seed, epoch, lengths_N)


def batches_of(
    order_N: Tensor, batch_size: int, seed: int, epoch: int, lengths_N: Tensor | None = None
) -> list[Tensor]:
    """Return the batches that an order of samples makes, those of `epoch_batches`."""
    if lengths_N is None:
        return parts_of(order_N, batch_size)
    pools = order_N.split(batch_size * _POOL)
    sorted_N = torch.cat([pool[lengths_N[pool].argsort(stable=True)] for pool in pools])
    batches = parts_of(sorted_N, batch_size)
    shuffled = epoch_order(len(batches), seed, epoch + 1)
    return [batches[index] for index in shuffled.tolist()]


def parts_of(indices: Tensor, size: int) -> list[Tensor]:
    """Return samples in parts of a size; a lone last one joins the part before it."""
    parts = list(indices.split(size))
    if size > 1 and len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts
