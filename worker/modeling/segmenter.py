"""A network that says for every pixel what it belongs to: a backbone and a U-Net decoder.

Source: Ronneberger et al. 2015, U-Net, arXiv 1505.04597. The classes here need torch alone, and
they are also the code on the card.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class MaskHead(nn.Module):
    """Goes from the coarsest map back to the finest, and from there to every pixel."""

    def __init__(self, channels: list[int], stride: int, num_classes: int, width: int) -> None:
        super().__init__()
        self.stride = stride
        self.lateral = nn.ModuleList(nn.Conv2d(count, width, 1) for count in channels)
        self.merge = nn.ModuleList(self._block(width) for _ in channels[1:])
        self.classes = nn.Conv2d(width, num_classes, 1)

    @staticmethod
    def _block(width: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(2 * width, width, 3, padding=1),
            nn.GroupNorm(8, width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(8, width),
            nn.ReLU(),
        )

    def forward(self, *maps: Tensor) -> Tensor:
        """Return class scores (images, classes, height, width) of every pixel."""
        sides = [layer(part) for layer, part in zip(self.lateral, maps, strict=True)]
        found = sides.pop()
        for block, side in zip(self.merge, reversed(sides), strict=True):
            above = functional.interpolate(found, size=side.shape[-2:], mode="bilinear")
            found = block(torch.cat([above, side], dim=1))
        scores: Tensor = functional.interpolate(
            self.classes(found).float(), scale_factor=float(self.stride), mode="bilinear"
        )
        return scores


class Segmenter(nn.Module):
    """A backbone that gives maps, and a head that names every pixel."""

    def __init__(self, backbone: nn.Module, head: MaskHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Return class scores of every pixel."""
        maps = self.backbone(images)
        scores: Tensor = self.head(*(maps.values() if isinstance(maps, dict) else maps))
        return scores
