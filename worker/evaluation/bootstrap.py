"""Intervals by drawing the measured samples again, many times at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worker.contract.after_results import Estimate

# Indices drawn at a time: 64 MB of them.
_INDICES_AT_ONCE = 8_000_000
_CELLS_AT_ONCE = 8_000_000
Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Bootstrap:
    """How often is drawn and how sure an interval shall be; the same seed, the same interval."""

    resamples: int = 1000
    confidence: float = 0.95
    seed: int = 0

    def of_mean(self, name: str, values_N: Sequence[float] | Floats) -> Estimate:
        """Return the mean of values, one for each sample, with its percentile interval."""
        values_N = np.asarray(values_N, dtype=np.float64)
        random, size = np.random.default_rng(self.seed), len(values_N)
        rows = max(1, _INDICES_AT_ONCE // max(1, size))
        means = [
            values_N[random.integers(0, size, (min(rows, self.resamples - done), size))].mean(1)
            for done in range(0, self.resamples, rows)
        ]
        return self._estimate(name, float(values_N.mean()), np.concatenate(means))

    def of_confusion(self, confusion_CC: Sequence[Sequence[int]]) -> tuple[Estimate, ...]:
        """Return accuracy, balanced accuracy and macro F1 of a confusion matrix, with intervals.

        Samples with the same true and predicted class are alike, so a draw of all samples is one
        multinomial draw of the cells: its cost does not grow with the number of samples.
        """
        counts_CC = np.asarray(confusion_CC, dtype=np.int64)
        true_K, predicted_K = np.nonzero(counts_CC)
        counts_K = counts_CC[true_K, predicted_K]
        random, classes = np.random.default_rng(self.seed), len(counts_CC)
        rows = max(1, _CELLS_AT_ONCE // max(len(counts_K), classes))
        drawn = [
            _scores(
                random.multinomial(
                    counts_K.sum(),
                    counts_K / counts_K.sum(),
                    min(rows, self.resamples - done),
                ),
                true_K,
                predicted_K,
                classes,
            )
            for done in range(0, self.resamples, rows)
        ]
        real_3 = _scores(counts_K[None], true_K, predicted_K, classes)[0]
        draws_B3 = np.concatenate(drawn)
        names = ("accuracy", "balanced_accuracy", "f1_macro")
        return tuple(
            self._estimate(name, float(real_3[place]), draws_B3[:, place])
            for place, name in enumerate(names)
        )

    def _estimate(self, name: str, value: float, draws_B: Floats) -> Estimate:
        edge = (1 - self.confidence) / 2
        low, high = np.quantile(draws_B, (edge, 1 - edge))
        return Estimate(name=name, value=value, low=float(low), high=float(high))


def _scores(draws_BK: Counts, true_K: Counts, predicted_K: Counts, classes: int) -> Floats:
    """Return the three scores of each draw; classes that were not drawn do not count."""
    support_BC = _sums(draws_BK, true_K, classes)
    guessed_BC = _sums(draws_BK, predicted_K, classes)
    diagonal_K = true_K == predicted_K
    hits_BC = _sums(draws_BK[:, diagonal_K], true_K[diagonal_K], classes)
    seen_BC = support_BC > 0
    seen_B = seen_BC.sum(1)
    recall_BC = hits_BC / np.maximum(1, support_BC)
    f1_BC = 2 * hits_BC / np.maximum(1, support_BC + guessed_BC)
    accuracy_B = hits_BC.sum(1) / support_BC.sum(1)
    return np.stack(
        (
            accuracy_B,
            recall_BC.sum(1) / seen_B,
            (f1_BC * seen_BC).sum(1) / seen_B,
        ),
        axis=1,
    )


def _sums(draws_BK: Counts, classes_K: Counts, classes: int) -> Floats:
    sums_BC = np.zeros((len(draws_BK), classes))
    for cell, label in enumerate(classes_K):
        sums_BC[:, label] += draws_BK[:, cell]
    return sums_BC
