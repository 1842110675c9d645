"""Running a network over a split in eval mode."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from worker.contract.manifest import SplitMetrics
from worker.data.batches import Meter, Split
from worker.task import Task


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

    def batches(self, split: Split) -> Iterator[Tensor]:
        """Return the places of a split's samples, batch by batch."""
        for indices in torch.arange(len(split)).split(self.batch_size):
            self.tick()
            yield indices


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
