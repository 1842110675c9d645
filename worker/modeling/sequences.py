"""Where the tokens of a padded batch stand, and the same tokens in one row."""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

_TOKEN_DIMS = 2


@dataclass(frozen=True)
class Sequences:
    """The texts of a batch (B, T) one after the other in one row of N tokens.

    `places_N` are their places in the flattened batch; `is_narrow` that only the first token of
    each text is still wanted.
    """

    places_N: Tensor
    lengths: list[int]
    shape: tuple[int, int]
    is_narrow: bool = False

    @classmethod
    def of_mask(cls, mask_BT: Tensor) -> "Sequences":
        """Return the texts that a mask tells from padding."""
        lengths: list[int] = mask_BT.sum(dim=1).tolist()
        return cls(mask_BT.reshape(-1).nonzero().flatten(), lengths, _shape(mask_BT))

    @classmethod
    def of_positions(cls, positions_BT: Tensor) -> "Sequences":
        """Return the texts of rows that hold several; each begins where positions do.

        A text has two tokens at least: what follows the last one with positions of zero is padding.
        """
        zero_BT = positions_BT == 0
        padding_BT = zero_BT.flip(1).cumprod(1).flip(1).bool()
        places_N = (~padding_BT).reshape(-1).nonzero().flatten()
        begins = zero_BT.reshape(-1)[places_N].nonzero().flatten()
        ends = torch.cat([begins[1:], begins.new_tensor([len(places_N)])])
        return cls(places_N, (ends - begins).tolist(), _shape(positions_BT))

    @property
    def firsts(self) -> Tensor:
        """Where in the row each text begins (B,)."""
        begins = [0]
        for length in self.lengths[:-1]:
            begins.append(begins[-1] + length)
        return torch.tensor(begins, device=self.places_N.device)

    @property
    def real(self) -> Tensor:
        """Which places of the batch hold a token (B, T)."""
        count, width = self.shape
        flat = torch.zeros(count * width, dtype=torch.bool, device=self.places_N.device)
        return flat.index_fill(0, self.places_N, value=True).view(count, width)

    def fits(self, value: object) -> bool:
        """Return whether a value has a number for each place of the batch."""
        return (
            isinstance(value, Tensor)
            and value.ndim >= _TOKEN_DIMS
            and value.shape[0] in {1, self.shape[0]}
            and value.shape[1] == self.shape[1]
        )

    def pack(self, values: Tensor) -> Tensor:
        """Return (B, T, ...), or (1, T, ...) that holds for every text, as (1, N, ...)."""
        flat = values.expand(*self.shape, *values.shape[2:]).flatten(0, 1)
        return flat.index_select(0, self.places_N)[None]

    def unpack(self, values: Tensor) -> Tensor:
        """Return (1, N, ...), or the first of each text if narrow, as (B, T, ...) with zeros."""
        count, width = self.shape
        places = self.places_N[self.firsts] if self.is_narrow else self.places_N
        flat = values.new_zeros((count * width, *values.shape[2:]))
        return flat.index_copy(0, places, values[0]).view(count, width, *values.shape[2:])


def _shape(values_BT: Tensor) -> tuple[int, int]:
    return cast("tuple[int, int]", tuple(values_BT.shape))
