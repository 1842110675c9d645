"""Measures of estimated numbers, beside those of always guessing the mean."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from worker.contract.manifest import SplitMetrics
from worker.data.batches import Batch

SHOWN = 12


@dataclass
class NumberMeter:
    """Collects estimates. `mean` and `std` turn what the network gives into the data's own unit."""

    names: Sequence[str]
    mean: float
    std: float
    loss: Callable[[Tensor, Batch], Tensor]

    def __post_init__(self) -> None:
        self._found: list[Tensor] = []
        self._true: list[Tensor] = []
        self._loss = 0.0

    def add(self, output: Tensor, batch: Batch) -> None:
        """Take one batch in; batches come in the order of the split."""
        self._loss += float(self.loss(output, batch)) * batch.size
        self._found.append(output.double().cpu()[:, 0] * self.std + self.mean)
        self._true.append(batch.targets.double().cpu() * self.std + self.mean)

    def result(self) -> SplitMetrics:
        """Return every measure of the split, in the data's own unit."""
        found_N, true_N = torch.cat(self._found), torch.cat(self._true)
        values = number_values(found_N, true_N, self.mean)
        worst = (found_N - true_N).abs().argsort(descending=True)[:SHOWN].tolist()
        return SplitMetrics(
            size=len(true_N),
            loss=self._loss / max(1, len(true_N)),
            metric="mae",
            value=values["mae"],
            values=values,
            samples=tuple(
                {"path": self.names[n], "true": float(true_N[n]), "predicted": float(found_N[n])}
                for n in worst
            ),
        )


def number_values(found_N: Tensor, true_N: Tensor, mean: float) -> dict[str, float]:
    """Return the measures of estimates; `mean` is that of training, the simplest guess."""
    left = (true_N - found_N).square().sum()
    spread = (true_N - true_N.mean()).square().sum()
    return {
        "mae": float((found_N - true_N).abs().mean()),
        # Where all numbers are alike there is nothing to explain.
        "r2": float(1 - left / spread) if spread > 0 else 0.0,
        "mae_of_mean": float((true_N - mean).abs().mean()),
    }
