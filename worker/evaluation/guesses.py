"""How well tokens are guessed: perplexity, and the share that is right."""

import math
from collections.abc import Callable
from typing import Any

from pydantic import JsonValue
from torch import Tensor
from torch.nn import functional

from worker.contract.manifest import SplitMetrics
from worker.data.batches import Batch
from worker.data.tagged import IGNORED

Sample = dict[str, JsonValue]
# Beyond this an exponential is no number any more.
_MOST_NATS = 80.0


class GuessMeter:
    """Adds up the loss of guessed tokens. `show` makes samples of the first batch."""

    def __init__(self, size: int, show: Callable[[Any, Batch], list[Sample]]) -> None:
        self._size, self._show = size, show
        self._loss = 0.0
        self._right = self._count = 0
        self._samples: list[Sample] | None = None

    def add(self, output: Any, batch: Batch) -> None:
        """Take the scores of one batch in."""
        logits_NV, targets_N = guessed(output.logits, batch.targets)
        self._loss += float(functional.cross_entropy(logits_NV, targets_N, reduction="sum"))
        self._right += int((logits_NV.argmax(-1) == targets_N).sum())
        self._count += len(targets_N)
        if self._samples is None:
            self._samples = self._show(output, batch)

    def result(self) -> SplitMetrics:
        """Return every measure of the split."""
        loss = self._loss / max(1, self._count)
        perplexity = math.exp(min(loss, _MOST_NATS))
        return SplitMetrics(
            size=self._size,
            loss=loss,
            metric="perplexity",
            value=perplexity,
            values={
                "perplexity": perplexity,
                "token_accuracy": self._right / max(1, self._count),
            },
            samples=tuple(self._samples or ()),
        )


def guessed(logits: Tensor, targets_BT: Tensor) -> tuple[Tensor, Tensor]:
    """Return scores and targets of the tokens that were to be guessed, in fp32.

    The scores are those of all tokens (B, T, V), or already only of these (N, V).
    """
    known_BT = targets_BT != IGNORED
    of_all = logits.shape[:-1] == targets_BT.shape
    return (logits[known_BT] if of_all else logits).float(), targets_BT[known_BT]


def guess_loss(logits: Tensor, targets_BT: Tensor, smoothing: float) -> Tensor:
    """Return the mean cross-entropy of guessed tokens in nats; 0 where there are none."""
    logits_NV, targets_N = guessed(logits, targets_BT)
    total = functional.cross_entropy(
        logits_NV, targets_N, label_smoothing=smoothing, reduction="sum"
    )
    return total / max(1, len(targets_N))
