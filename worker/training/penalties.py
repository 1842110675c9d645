"""A pull of trained layers back to the weights they came with."""

import torch
from torch import Tensor

from worker.modeling.network import Network


class StartPenalty:
    """Half the squared distance of the trained backbone from its start, times a strength.

    The new head has no start worth keeping and is left out.
    Source: Li et al. 2018, arXiv 1802.01483 (L2-SP).
    """

    def __init__(self, network: Network, strength: float) -> None:
        self._strength = strength
        head = f"{network.head_path}."
        self._start = [
            (parameter, parameter.detach().clone())
            for name, parameter in network.module.named_parameters()
            if not name.startswith(head)
        ]

    def to(self, device: torch.device) -> "StartPenalty":
        """Put the start on the device of the network."""
        self._start = [(parameter, start.to(device)) for parameter, start in self._start]
        return self

    def __call__(self) -> Tensor | float:
        """Return the penalty, with a graph behind it; 0 where nothing of it trains."""
        parts = [(p - start).square().sum() for p, start in self._start if p.requires_grad]
        return self._strength / 2 * torch.stack(parts).sum() if parts else 0.0
