"""Running a network over a split in eval mode, and features over its frozen part."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from worker.contract.manifest import SplitMetrics
from worker.data.batches import FeatureSplit, Meter, Split
from worker.task import Task

FEATURE_LIMIT_BYTES = 2 * 1024**3
_FLOAT_BYTES = 4


@dataclass
class Predictor:
    """Runs networks without training them.

    `tick` is called before each batch and may raise to stop; `autocast` gives the numbers.
    """

    task: Task
    batch_size: int
    tick: Callable[[], None]
    autocast: Callable[[], AbstractContextManager[object]]

    @torch.no_grad()
    def measure(self, network: nn.Module, split: Split) -> SplitMetrics:
        """Return what the network achieves on a split; layers keep their modes."""
        meter: Meter = self.task.meter(split)
        with evaluating(network):
            for indices in self.batches(split):
                batch = split.take(indices, train=False)
                with self.autocast():
                    output = self.task.forward(network, batch.inputs)
                meter.add(output, batch)
        return meter.result()

    @torch.no_grad()
    def head_inputs(self, network: nn.Module, head: nn.Module, split: Split) -> FeatureSplit | None:
        """Return what the head is given for every sample, or None where that cannot be reused.

        The network runs in eval mode, so nothing random is kept for ever. On the first batch the
        head alone must give exactly what the whole network gives, and all must fit 2 GB.
        """
        caught: list[Any] = []
        handle = head.register_forward_pre_hook(
            # A head on several maps has no one input that could be kept.
            lambda _, values: caught.append(values[0].clone() if len(values) == 1 else None)
        )
        try:
            with evaluating(network):
                for number, indices in enumerate(self.batches(split)):
                    inputs = split.take(indices, train=False).inputs
                    with self.autocast():
                        output = self.task.forward(network, inputs)
                        if number == 0 and not _reusable(head, caught, output, len(split)):
                            return None
        finally:
            handle.remove()
        if len({part.shape[1:] for part in caught}) != 1:
            return None
        features = torch.cat(caught)
        return FeatureSplit(features, split, features.device)

    def batches(self, split: Split) -> Iterator[Tensor]:
        """Return the places of a split's samples, batch by batch."""
        for indices in torch.arange(len(split)).split(self.batch_size):
            self.tick()
            yield indices


def _reusable(head: nn.Module, caught: list[Any], output: object, count: int) -> bool:
    if len(caught) != 1 or not isinstance(caught[0], Tensor) or not isinstance(output, Tensor):
        return False
    if caught[0][0].numel() * _FLOAT_BYTES * count > FEATURE_LIMIT_BYTES:
        return False
    alone = head(caught[0])
    del caught[1:]
    return alone.shape == output.shape and torch.equal(alone, output)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Keep a network in eval mode for the length of a block; every layer gets its mode back."""
    modes = {part: part.training for part in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode
