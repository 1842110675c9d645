"""Dropout that needs a quarter of the random numbers: sixteen bits decide about a number."""

import torch
from torch import Tensor, nn
from torch.nn import functional

_BITS = 16
_PARTS = 64 // _BITS
_LEAST = -(2**63)


class BriefDropout(nn.Dropout):
    """The same as torch's; on a CPU the share that is dropped is kept to within 2 ** -17."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Return the input with some of its numbers zero and the others larger, in training."""
        if not self.training or not 0 < self.p < 1 or input.device.type != "cpu":
            return functional.dropout(input, self.p, self.training, self.inplace)
        return input * _kept(input, self.p)


def _kept(like: Tensor, share: float) -> Tensor:
    """Return zero for each number that is dropped, and what keeps the mean for the others."""
    count = like.numel()
    drawn = torch.empty(-(-count // _PARTS), dtype=torch.int64)
    # Without an upper end all 64 bits are random.
    bits = drawn.random_(_LEAST, None).view(torch.int16)[:count].view(like.shape)
    dropped = round(share * 2**_BITS)
    kept: Tensor = (bits >= dropped - 2 ** (_BITS - 1)).to(like.dtype)
    return kept.mul_(2**_BITS / (2**_BITS - dropped))


def draw_briefly(module: nn.Module) -> list[nn.Dropout]:
    """Let the dropout of a network draw fewer random numbers; return the layers that do."""
    # An instance changes its class, so that it stays where it is in the network.
    found = [part for part in module.modules() if type(part) is nn.Dropout]
    for part in found:
        part.__class__ = BriefDropout
    return found


def draw_plainly(layers: list[nn.Dropout]) -> None:
    """Undo it."""
    for part in layers:
        part.__class__ = nn.Dropout
