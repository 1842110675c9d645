"""New feature vectors for small classes, between neighbours of the same class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from worker.contract.failures import FailureCode, RunError
from worker.data.batches import Batch, Split

_NEIGHBOURS = 5
_VECTORS = 2


@dataclass
class Synthesis:
    """New rows. Row m lies between the rows `one_M[m]` and `other_M[m]` of what was given."""

    features_MD: Tensor
    labels_M: Tensor
    one_M: Tensor
    other_M: Tensor


def synthesize(features_ND: Tensor, labels_N: Tensor, seed: int) -> Synthesis:
    """Return rows that make every class as large as the largest.

    Each lies on the line between a row and one of its five nearest of the same class; a class
    of one row is repeated. Source: Chawla et al. 2002, arXiv 1106.1813 (SMOTE).
    """
    generator = torch.Generator().manual_seed(seed)
    counts = torch.bincount(labels_N)
    ones, others = [], []
    for label in counts.nonzero().flatten().tolist():
        places = (labels_N == label).nonzero().flatten()
        missing = int(counts.max()) - len(places)
        own = torch.randint(len(places), (missing,), generator=generator)
        near_KN = _nearest(features_ND[places])
        pick = torch.randint(near_KN.shape[1], (missing,), generator=generator)
        ones.append(places[own])
        others.append(places[near_KN[own, pick]])
    one_M, other_M = torch.cat(ones), torch.cat(others)
    part_M1 = torch.rand(len(one_M), 1, generator=generator)
    features = features_ND[one_M] + part_M1 * (features_ND[other_M] - features_ND[one_M])
    return Synthesis(features, labels_N[one_M], one_M, other_M)


def _nearest(rows_ND: Tensor) -> Tensor:
    """Return the places (N, K) of each row's nearest other rows; itself where it is alone."""
    count = len(rows_ND)
    if count == 1:
        return torch.zeros(1, 1, dtype=torch.int64)
    distances_NN = torch.cdist(rows_ND, rows_ND).fill_diagonal_(float("inf"))
    return distances_NN.topk(min(_NEIGHBOURS, count - 1), largest=False).indices


class EnlargedSplit:
    """Cached features of a split with new rows behind them; for training only."""

    def __init__(self, source: Split, seed: int) -> None:
        everything = torch.arange(len(source))
        features = source.take(everything, train=False).inputs
        labels_N = source.labels
        if not isinstance(features, Tensor) or features.ndim != _VECTORS or labels_N is None:
            raise RunError(
                FailureCode.RECIPE_INVALID,
                "data.imbalance.synthesize: this network gives its head no feature vectors to put "
                "new ones between; use sampler: oversample.",
            )
        made = synthesize(features.float().cpu(), labels_N.cpu(), seed)
        self._device = features.device
        self._features = torch.cat([features.float().cpu(), made.features_MD])
        self.labels: Tensor | None = torch.cat([labels_N.cpu(), made.labels_M])
        self._labels_N = self.labels
        self.names: Sequence[str] = [
            *source.names,
            *(f"between {source.names[a]} and {source.names[b]}" for a, b in _pairs(made)),
        ]
        self.lengths: Tensor | None = None

    def __len__(self) -> int:
        return len(self._features)

    def take(self, indices: Tensor, *, train: bool) -> Batch:
        """Return feature vectors with their class numbers."""
        del train
        features = self._features[indices].to(self._device)
        return Batch(features, self.targets(indices), len(indices))

    def targets(self, indices: Tensor) -> Any:
        """Return class numbers."""
        return self._labels_N[indices].to(self._device)


def _pairs(made: Synthesis) -> list[tuple[int, int]]:
    return list(zip(made.one_M.tolist(), made.other_M.tolist(), strict=True))
