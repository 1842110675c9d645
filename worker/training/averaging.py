"""A running mean of the weights beside those that train; it is what is measured and kept."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from worker.distributed.strategy import Strategy, own_part

_WARM_UP_POWER = 2 / 3
_COUNT = "updates"


class WeightAverage:
    """The mean of one stage's trained weights and buffers; without a decay it does nothing.

    The decay begins at 0 and rises to the one asked for, so the mean does not hold on to the
    beginning: 1 - (1 + updates) ** (-2/3).
    """

    def __init__(
        self, module: nn.Module, decay: float | None, strategy: Strategy | None = None
    ) -> None:
        self._decay = decay or 0.0
        self._strategy = strategy or Strategy()
        self._updates = 0
        trained = {name for name, p in module.named_parameters() if p.requires_grad}
        fixed = {name for name, p in module.named_parameters() if not p.requires_grad}
        self._live: dict[str, Tensor] = {}
        if decay is not None:
            self._live = {
                name: tensor.detach()
                for name, tensor in module.state_dict(keep_vars=True).items()
                if tensor.is_floating_point() and (name in trained or name not in fixed)
            }
        self._mean = {name: tensor.clone() for name, tensor in self._live.items()}
        self._aside: dict[str, Tensor] = {}

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights after one update in."""
        if not self._live:
            return
        decay = min(self._decay, 1 - (1 + self._updates) ** -_WARM_UP_POWER)
        self._updates += 1
        # Each process moves its own part of what is divided.
        mean = [own_part(tensor) for tensor in self._mean.values()]
        live = [own_part(tensor) for tensor in self._live.values()]
        torch._foreach_lerp_(mean, live, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the mean into the network for as long as it is measured."""
        self._aside = {name: tensor.clone() for name, tensor in self._live.items()}
        self._copy(self._mean)
        try:
            yield
        finally:
            self._copy(self._aside)
            self._aside = {}

    def keep(self) -> None:
        """Leave the mean in the network, as the result of the stage."""
        self._copy(self._mean)

    def trained(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the network's weights as they train, the mean taken out where it is in place."""
        return {**weights, **self._aside}

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint keeps."""
        if not self._live:
            return {}
        return {**self._strategy.whole(self._mean), _COUNT: torch.tensor(self._updates)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a checkpoint."""
        if state and self._live:
            self._updates = int(state[_COUNT])
            for name, tensor in self._mean.items():
                tensor.copy_(self._strategy.part(state[name], tensor))

    @torch.no_grad()
    def _copy(self, source: Mapping[str, Tensor]) -> None:
        for name, tensor in self._live.items():
            tensor.copy_(source[name])
