"""Running a network over a split in eval mode, and features over its frozen part."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from worker.contract.manifest import SplitMetrics
from worker.data.batches import Meter, Split
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
        with _evaluating(network):
            for indices in self._batches(split):
                batch = split.take(indices, train=False)
                with self.autocast():
                    output = self.task.forward(network, batch.inputs)
                meter.add(output, batch)
        return meter.result()

    @torch.no_grad()
    def head_inputs(self, network: nn.Module, head: nn.Module, split: Split) -> Tensor | None:
        """Return what the head is given for every sample, or None where that cannot be reused.

        The network runs in eval mode, so nothing random is kept for ever. On the first batch the
        head alone must give exactly what the whole network gives, and all must fit 2 GB.
        """
        caught: list[Tensor] = []
        handle = head.register_forward_pre_hook(lambda _, values: caught.append(values[0].clone()))
        try:
            with _evaluating(network):
                for number, indices in enumerate(self._batches(split)):
                    inputs = split.take(indices, train=False).inputs
                    with self.autocast():
                        output = self.task.forward(network, inputs)
                        if number == 0 and not _reusable(head, caught, output, len(split)):
                            return None
        finally:
            handle.remove()
        return torch.cat(caught).float()

    def _batches(self, split: Split) -> Iterator[Tensor]:
        for indices in torch.arange(len(split)).split(self.batch_size):
            self.tick()
            yield indices


def _reusable(head: nn.Module, caught: list[Tensor], output: object, count: int) -> bool:
    if len(caught) != 1 or not isinstance(caught[0], Tensor) or not isinstance(output, Tensor):
        return False
    if caught[0][0].numel() * _FLOAT_BYTES * count > FEATURE_LIMIT_BYTES:
        return False
    alone = head(caught[0])
    del caught[1:]
    return alone.shape == output.shape and torch.equal(alone, output)


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    modes = {part: part.training for part in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode
