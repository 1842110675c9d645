"""The samples of a split as batches, whatever the task."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from worker.contract.manifest import SplitMetrics


@dataclass
class Batch:
    """Samples on the device, ready for the network. `targets` are what the task's loss wants."""

    inputs: Any
    targets: Any
    size: int
    weights_B: Tensor | None = None


class Split(Protocol):
    """The samples of one split, prepared batch by batch.

    `names` say which sample is which, in errors and tables. `labels` (N,) are class numbers where
    each sample has one; `lengths` (N,) how long each is, where batches of like length pay.
    """

    @property
    def names(self) -> Sequence[str]: ...

    @property
    def labels(self) -> Tensor | None: ...

    @property
    def lengths(self) -> Tensor | None: ...

    def __len__(self) -> int: ...

    def take(self, indices: Tensor, *, train: bool) -> Batch:
        """Return a batch; random changes are made only for training."""

    def targets(self, indices: Tensor) -> Any:
        """Return the targets alone, for features that were computed before."""


@dataclass
class FeatureSplit:
    """A split whose inputs are outputs of the frozen part of the network, computed once.

    They may lie elsewhere than on the device that a batch is for.
    """

    features: Tensor
    source: Split
    device: torch.device

    def __post_init__(self) -> None:
        self.names, self.labels = self.source.names, self.source.labels
        self.lengths: Tensor | None = None

    def __len__(self) -> int:
        return len(self.source)

    def take(self, indices: Tensor, *, train: bool) -> Batch:
        """Return the features; they are the same for training and measuring."""
        del train
        features = self.features[indices.to(self.features.device)].to(self.device)
        return Batch(features, self.targets(indices), len(indices))

    def targets(self, indices: Tensor) -> Any:
        """Return the targets of the samples."""
        return self.source.targets(indices)


class Meter(Protocol):
    """Adds up what a network said about a split."""

    def add(self, output: Any, batch: Batch) -> None:
        """Take one batch in."""

    def result(self) -> SplitMetrics:
        """Return every measure of what was taken in."""
