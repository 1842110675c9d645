"""Maps as pictures: the sample in grey, what counted in colour."""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

# From nothing to most: each row is a colour, red, green, blue.
_RAMP = torch.tensor(
    [
        [0.17, 0.20, 0.36],
        [0.22, 0.45, 0.62],
        [0.55, 0.68, 0.53],
        [0.94, 0.66, 0.29],
        [0.98, 0.93, 0.62],
    ]
)
_SIDE = 256
_GREY = torch.tensor([0.299, 0.587, 0.114])
_COVER = 0.62


def save_picture(path: Path, pixels_CHW: Tensor) -> None:
    """Write a picture whose values lie between 0 and 1, scaled to 256 pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = (pixels_CHW.clamp(0, 1) * 255).round().to(torch.uint8)
    picture = Image.fromarray(values.permute(1, 2, 0).contiguous().cpu().numpy())
    height, width = values.shape[-2:]
    scale = _SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture.resize(size, Image.Resampling.BILINEAR).save(path, optimize=True)


def overlay(pixels_CHW: Tensor, map_HW: Tensor) -> Tensor:
    """Return the picture with a map in [0, 1] laid over it; where the map is 0 it stays grey."""
    pixels_CHW, map_HW = pixels_CHW.cpu().clamp(0, 1), map_HW.cpu().clamp(0, 1)
    grey_1HW = (pixels_CHW * _GREY[:, None, None]).sum(0, keepdim=True)
    cover_HW = _COVER * map_HW.sqrt()
    return grey_1HW * (1 - cover_HW) + _colored(map_HW) * cover_HW


def _colored(map_HW: Tensor) -> Tensor:
    place_HW = map_HW * (len(_RAMP) - 1)
    low_HW = place_HW.floor().long().clamp_max(len(_RAMP) - 2)
    part_HW1 = (place_HW - low_HW)[..., None]
    return (_RAMP[low_HW] * (1 - part_HW1) + _RAMP[low_HW + 1] * part_HW1).permute(2, 0, 1)


def strength_map(attribution_CHW: Tensor) -> Tensor:
    """Return how much each place counted, in [0, 1]; the largest hundredth is one."""
    strength_HW = attribution_CHW.abs().sum(0)
    top = strength_HW.flatten().quantile(0.99).clamp_min(1e-12)
    return (strength_HW / top).clamp(0, 1)
