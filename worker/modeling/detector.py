"""A detector without anchors: every place of the maps says what it sees and where its edges are.

Source: Tian et al. 2019, FCOS, arXiv 1904.01355. The classes and functions here need torch and
torchvision alone, and they are also the code on the card.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import batched_nms


class BoxHead(nn.Module):
    """From maps of several scales to a row for every place: class scores, centredness, a box."""

    def __init__(
        self, channels: list[int], strides: list[int], num_classes: int, width: int
    ) -> None:
        super().__init__()
        self.strides = strides
        self.lateral = nn.ModuleList(nn.Conv2d(count, width, 1) for count in channels)
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in channels)
        self.class_tower = self._tower(width)
        self.box_tower = self._tower(width)
        self.classes = nn.Conv2d(width, num_classes, 3, padding=1)
        self.centre = nn.Conv2d(width, 1, 3, padding=1)
        self.edges = nn.Conv2d(width, 4, 3, padding=1)
        self.scales = nn.Parameter(torch.ones(len(channels)))

    @staticmethod
    def _tower(width: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [
                nn.Conv2d(width, width, 3, padding=1),
                nn.GroupNorm(8, width),
                nn.ReLU(),
            ]
        return nn.Sequential(*layers)

    def forward(self, *maps: Tensor) -> Tensor:
        """Return (images, places, classes + 1 + 4); boxes are x1, y1, x2, y2 in pixels."""
        levels = [layer(part) for layer, part in zip(self.lateral, maps, strict=True)]
        for number in range(len(levels) - 2, -1, -1):
            size = levels[number].shape[-2:]
            levels[number] = levels[number] + functional.interpolate(levels[number + 1], size=size)
        rows = [
            self._rows(layer(part), scale, stride)
            for layer, part, scale, stride in zip(
                self.smooth, levels, self.scales, self.strides, strict=True
            )
        ]
        return torch.cat(rows, dim=1)

    def _rows(self, part: Tensor, scale: Tensor, stride: int) -> Tensor:
        seen, edges = self.class_tower(part), self.box_tower(part)
        distance = stride * torch.exp((scale * self.edges(edges)).float().clamp(max=6))
        height, width = part.shape[-2:]
        y = (torch.arange(height, device=part.device)[:, None] + 0.5) * stride
        x = (torch.arange(width, device=part.device)[None, :] + 0.5) * stride
        left, top, right, bottom = distance.unbind(1)
        boxes = torch.stack([x - left, y - top, x + right, y + bottom], dim=1)
        found = torch.cat([self.classes(seen).float(), self.centre(edges).float(), boxes], dim=1)
        return found.flatten(2).transpose(1, 2)


class Detector(nn.Module):
    """A backbone that gives maps, and a head that finds boxes in them."""

    def __init__(self, backbone: nn.Module, head: BoxHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Return a row for every place of every image."""
        maps = self.backbone(images)
        found: Tensor = self.head(*(maps.values() if isinstance(maps, dict) else maps))
        return found


def boxes_of(rows: Tensor, least: float = 0.05) -> tuple[Tensor, Tensor, Tensor]:
    """Return boxes, scores and class numbers found in one image, the surest first."""
    rows = rows.float()
    scores = (rows[:, :-5].sigmoid() * rows[:, -5:-4].sigmoid()).sqrt()
    place, number = (scores > least).nonzero().unbind(1)
    best = scores[place, number].topk(min(1000, len(place))).indices
    place, number = place[best], number[best]
    boxes, scores = rows[place, -4:], scores[place, number]
    kept = batched_nms(boxes, scores, number, 0.5)[:100]
    return boxes[kept], scores[kept], number[kept]
