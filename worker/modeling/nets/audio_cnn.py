"""A small network that hears: four blocks of convolutions over a log-mel picture."""

import torch
from torch import nn


class AudioCnn(nn.Module):
    """Classifies log-mel pictures (B, C, M, T) of any length; channels are averaged."""

    def __init__(self, num_classes: int = 2, widths: tuple[int, ...] = (32, 64, 128, 128)) -> None:
        super().__init__()
        blocks, before = [], 1
        for width in widths:
            blocks.append(
                nn.Sequential(
                    nn.Conv2d(before, width, 3, padding=1, bias=False),
                    nn.BatchNorm2d(width),
                    nn.ReLU(),
                    nn.MaxPool2d(2),
                )
            )
            before = width
        self.blocks = nn.Sequential(*blocks)
        # Some pitch and some order in time are kept, so that "on" is not "no".
        self.pool = nn.AdaptiveAvgPool2d((4, 3))
        self.head = nn.Linear(before * 12, num_classes)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return class scores (B, K)."""
        maps: torch.Tensor = self.blocks(pictures.mean(dim=1, keepdim=True))
        scores: torch.Tensor = self.head(self.pool(maps).flatten(1))
        return scores
