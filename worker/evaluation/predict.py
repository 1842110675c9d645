"""Running a network over a split in eval mode, and features over its frozen part."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from worker.data.inputs import Inputs

FEATURE_LIMIT_BYTES = 2 * 1024**3
_FLOAT_BYTES = 4


@dataclass
class Predictor:
    """Runs networks without training them.

    `tick` is called before each batch and may raise to stop; `autocast` gives the numbers.
    """

    batch_size: int
    tick: Callable[[], None]
    autocast: Callable[[], AbstractContextManager[object]]

    @torch.no_grad()
    def scores(self, network: nn.Module, inputs: Inputs) -> Tensor:
        """Return the class scores of every sample, on the CPU; layers keep their modes."""
        parts = []
        with _evaluating(network):
            for indices in self._batches(inputs):
                with self.autocast():
                    scores = network(inputs.take(indices, train=False))
                parts.append(scores.float().cpu())
        return torch.cat(parts)

    @torch.no_grad()
    def head_inputs(self, network: nn.Module, head: nn.Module, inputs: Inputs) -> Tensor | None:
        """Return what the head is given for every sample, or None where that cannot be reused.

        The network runs in eval mode, so nothing random is kept for ever. On the first batch the
        head alone must give exactly what the whole network gives, and all must fit 2 GB.
        """
        caught: list[Tensor] = []
        handle = head.register_forward_pre_hook(lambda _, values: caught.append(values[0].clone()))
        try:
            with _evaluating(network):
                for number, indices in enumerate(self._batches(inputs)):
                    with self.autocast():
                        scores = network(inputs.take(indices, train=False))
                        if number == 0 and not _reusable(head, caught, scores, inputs):
                            return None
        finally:
            handle.remove()
        return torch.cat(caught).float()

    def _batches(self, inputs: Inputs) -> Iterator[Tensor]:
        for indices in torch.arange(len(inputs.labels_N)).split(self.batch_size):
            self.tick()
            yield indices


def _reusable(head: nn.Module, caught: list[Tensor], scores: Tensor, inputs: Inputs) -> bool:
    if len(caught) != 1:
        return False
    per_sample = caught[0][0].numel() * _FLOAT_BYTES
    if per_sample * len(inputs.labels_N) > FEATURE_LIMIT_BYTES:
        return False
    alone = head(caught[0])
    del caught[1:]
    return alone.shape == scores.shape and torch.equal(alone, scores)


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    modes = {part: part.training for part in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode
