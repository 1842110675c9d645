"""The loss of a detector: which place answers for which object, and how far off it is."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import generalized_box_iou_loss, sigmoid_focal_loss

from worker.data.dense import Boxes

# A map answers for objects that reach this many of its strides from a place.
_REACH_FROM, _REACH_TO = 4.0, 8.0
# Places that lie within this many strides of an object's middle answer for it.
_RADIUS = 1.5
_BOX_NUMBERS = 4


class Places(NamedTuple):
    """The places of all maps: their middles in pixels, their strides, and what they reach."""

    xy_L2: Tensor
    stride_L: Tensor
    low_L: Tensor
    high_L: Tensor


class Answer(NamedTuple):
    """For each place the object it answers for, -1 for none, and that object's box."""

    object_L: Tensor
    boxes_L4: Tensor


def places_of(side: int, strides: Sequence[int], device: torch.device) -> Places:
    """Return the places of a square of `side` pixels, in the order of a detector's rows."""
    parts = []
    for number, stride in enumerate(strides):
        count = -(-side // stride)
        line = (torch.arange(count, device=device) + 0.5) * stride
        y, x = torch.meshgrid(line, line, indexing="ij")
        low = _REACH_FROM * stride if number else 0.0
        high = _REACH_TO * stride if number + 1 < len(strides) else float("inf")
        numbers = torch.tensor([float(stride), low, high], device=device).expand(count * count, 3)
        parts.append(torch.cat([x.reshape(-1, 1), y.reshape(-1, 1), numbers], dim=1))
    rows = torch.cat(parts)
    return Places(rows[:, :2], rows[:, 2], rows[:, 3], rows[:, 4])


def answers(places: Places, boxes_M4: Tensor) -> Answer:
    """Return which place answers for which object; the smallest one wins a place."""
    if not len(boxes_M4):
        nothing = torch.full((len(places.xy_L2),), -1, device=boxes_M4.device)
        return Answer(nothing, boxes_M4.new_zeros(len(nothing), _BOX_NUMBERS))
    edges_LM4 = _edges(places.xy_L2[:, None], boxes_M4[None])
    reach_LM = edges_LM4.amax(dim=2)
    middle_M2 = (boxes_M4[:, :2] + boxes_M4[:, 2:]) / 2
    away_LM = (places.xy_L2[:, None] - middle_M2[None]).abs().amax(dim=2)
    fits_LM = (reach_LM > places.low_L[:, None]) & (reach_LM <= places.high_L[:, None])
    fits_LM &= away_LM < _RADIUS * places.stride_L[:, None]
    fits_LM &= edges_LM4.amin(dim=2) > 0
    # A box so small that no place lies in it is left to the place nearest to its middle.
    lone_M = ~fits_LM.any(dim=0)
    nearest_M = away_LM.argmin(dim=0)
    fits_LM[nearest_M[lone_M], lone_M.nonzero()[:, 0]] = True
    sides_M2 = boxes_M4[:, 2:] - boxes_M4[:, :2]
    area_LM = sides_M2.prod(dim=1).expand_as(fits_LM).masked_fill(~fits_LM, float("inf"))
    least_L, object_L = area_LM.min(dim=1)
    object_L = object_L.masked_fill(least_L.isinf(), -1)
    return Answer(object_L, boxes_M4[object_L.clamp_min(0)])


def _edges(xy: Tensor, boxes: Tensor) -> Tensor:
    """Return how far places are from the left, top, right and bottom edge."""
    return torch.cat([xy - boxes[..., :2], boxes[..., 2:] - xy], dim=-1)


def detection_loss(rows_BLK: Tensor, targets: Sequence[Boxes], places: Places) -> Tensor:
    """Return focal loss of classes, GIoU loss of boxes and loss of centredness, for each object."""
    num_classes = rows_BLK.shape[2] - _BOX_NUMBERS - 1
    given = [answers(places, boxes.boxes_M4[~boxes.crowd_M]) for boxes in targets]
    object_BL = torch.stack([answer.object_L for answer in given])
    boxes_BL4 = torch.stack([answer.boxes_L4 for answer in given])
    wanted = torch.zeros_like(rows_BLK[..., :num_classes])
    for number, boxes in enumerate(targets):
        at = (object_BL[number] >= 0).nonzero()[:, 0]
        kinds = boxes.classes_M[~boxes.crowd_M][object_BL[number, at]]
        wanted[number, at, kinds] = 1.0
    found_BL = object_BL >= 0
    count = found_BL.sum().clamp_min(1)
    focal = sigmoid_focal_loss(rows_BLK[..., :num_classes], wanted, reduction="sum") / count
    if not bool(found_BL.any()):
        # The edges take part even so, or their gradients would be missing.
        nothing: Tensor = focal + 0.0 * rows_BLK[..., num_classes:].sum()
        return nothing
    true_K4, rows_K = boxes_BL4[found_BL], rows_BLK[found_BL]
    centred_K = _centredness(places.xy_L2.expand(len(targets), -1, -1)[found_BL], true_K4)
    giou_K = generalized_box_iou_loss(rows_K[:, -_BOX_NUMBERS:], true_K4)
    boxes_loss = (giou_K * centred_K).sum() / centred_K.sum().clamp_min(1e-6)
    centre = functional.binary_cross_entropy_with_logits(
        rows_K[:, num_classes], centred_K, reduction="sum"
    )
    total: Tensor = focal + boxes_loss + centre / count
    return total


def _centredness(xy_K2: Tensor, boxes_K4: Tensor) -> Tensor:
    left, top, right, bottom = _edges(xy_K2, boxes_K4).clamp_min(1e-3).unbind(1)
    across = torch.minimum(left, right) / torch.maximum(left, right)
    down = torch.minimum(top, bottom) / torch.maximum(top, bottom)
    return (across * down).sqrt()
