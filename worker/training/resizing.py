"""Smaller pictures at the beginning of a stage, which cost less."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from worker.contract.failures import FailureCode, RunError
from worker.data.batches import Batch


def side_at(sizes: Sequence[int], full: int, part: float) -> int:
    """Return the side at a part (0 to 1) of a stage; each size takes an equal part."""
    sides = (*sizes, full)
    return sides[min(len(sides) - 1, int(part * len(sides)))]


def resized(batch: Batch, side: int) -> Batch:
    """Return a batch whose pictures have another side."""
    if batch.inputs.shape[-1] == side:
        return batch
    inputs = functional.interpolate(
        batch.inputs, size=(side, side), mode="bilinear", antialias=True, align_corners=False
    )
    return Batch(inputs, batch.targets, batch.size, batch.weights_B)


@torch.no_grad()
def check_sizes(module: nn.Module, sizes: Sequence[int], device: torch.device) -> None:
    """See that a network takes pictures of every size.

    Raises:
        RunError: it takes its own size only.
    """
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        for side in sizes:
            module(torch.zeros(1, 3, side, side, device=device))
    except (RuntimeError, ValueError, AssertionError) as error:
        raise RunError(
            FailureCode.RECIPE_INVALID,
            f"augment.progressive_resizing: this network takes no pictures of {side} pixels.",
        ) from error
    finally:
        for part, mode in modes.items():
            part.training = mode
