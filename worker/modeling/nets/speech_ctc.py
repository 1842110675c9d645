"""A small network that writes down what it hears: convolutions, then recurrent layers both ways."""

import torch
from torch import nn


class SpeechCtc(nn.Module):
    """Gives scores of characters (B, T / 2, V) for log-mel pictures (B, M, T); 0 is no character.

    What a recording is padded with has no influence on its scores.
    """

    def __init__(
        self, characters: int, n_mels: int = 64, width: int = 160, layers: int = 2
    ) -> None:
        super().__init__()
        self.front = nn.ModuleList(
            [
                nn.Conv2d(1, 32, 3, stride=2, padding=1),
                nn.Conv2d(32, 32, 3, stride=(2, 1), padding=1),
            ]
        )
        self.project = nn.Linear(32 * ((n_mels + 3) // 4), width)
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(
            nn.GRU(width, width // 2, batch_first=True, bidirectional=True) for _ in range(layers)
        )
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(width, characters)

    def forward(
        self, pictures: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return scores and how many of them are of the recording itself."""
        lengths = (lengths + 1) // 2
        maps = pictures[:, None]
        for layer in self.front:
            maps = torch.relu(layer(maps))
            inside = torch.arange(maps.shape[3], device=maps.device) < lengths[:, None]
            maps = maps * inside[:, None, None]
        steps = torch.relu(self.norm(self.project(maps.flatten(1, 2).transpose(1, 2))))
        for recurrent in self.layers:
            packed = nn.utils.rnn.pack_padded_sequence(
                self.dropout(steps), lengths.cpu(), batch_first=True, enforce_sorted=False
            )
            heard, _ = nn.utils.rnn.pad_packed_sequence(
                recurrent(packed)[0], batch_first=True, total_length=steps.shape[1]
            )
            steps = steps + heard
        return self.head(self.dropout(steps)), lengths
