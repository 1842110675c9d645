"""Blending the pictures of a batch and their classes."""

import torch
from torch import Tensor
from torch.nn import functional

from worker.contract.augment import Augment
from worker.data.batches import Batch


def mixed(batch: Batch, augment: Augment, classes: int) -> Batch:
    """Return a batch in which every picture holds a part of another one, with soft targets.

    With both mixup and cutmix one of them is drawn for each batch. Uses torch's own random
    numbers, which a checkpoint keeps.
    Sources: Zhang et al. 2018, arXiv 1710.09412; Yun et al. 2019, arXiv 1905.04899.
    """
    pasting = augment.cutmix_alpha > 0 and (
        augment.mixup_alpha == 0 or float(torch.rand(())) < 1 / 2
    )
    alpha = augment.cutmix_alpha if pasting else augment.mixup_alpha
    share = drawn_share(alpha)
    other_B = torch.randperm(batch.size).to(batch.inputs.device)
    if pasting:
        inputs, share = pasted(batch.inputs, other_B, share)
    else:
        inputs = share * batch.inputs + (1 - share) * batch.inputs[other_B]
    own_BC = functional.one_hot(batch.targets, classes).to(inputs.dtype)
    targets_BC = share * own_BC + (1 - share) * own_BC[other_B]
    return Batch(inputs, targets_BC, batch.size, batch.weights_B)


def drawn_share(alpha: float) -> float:
    """Return a draw from the Beta distribution with both parameters alpha."""
    return float(torch.distributions.Beta(alpha, alpha).sample())


def pasted(inputs_BCHW: Tensor, other_B: Tensor, share: float) -> tuple[Tensor, float]:
    """Return the pictures with a rectangle of others, and the part of its own that is left."""
    height, width = inputs_BCHW.shape[-2:]
    side = (1 - share) ** 0.5
    top, bottom = _span(height, side)
    left, right = _span(width, side)
    result = inputs_BCHW.clone()
    result[..., top:bottom, left:right] = inputs_BCHW[other_B][..., top:bottom, left:right]
    return result, 1 - (bottom - top) * (right - left) / (height * width)


def _span(length: int, part: float) -> tuple[int, int]:
    middle, half = int(torch.randint(length, ())), round(length * part / 2)
    return max(0, middle - half), min(length, middle + half)
