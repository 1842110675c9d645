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

    `plain` (M, …) holds the features of more samples than these; `places_N` says where ours are.
    `views` (K·N, …), if there are any, hold those of K changed forms of our samples, one form of
    all after the other. They may lie elsewhere than on the device that a batch is for.
    """

    plain: Tensor
    places_N: Tensor
    source: Split
    device: torch.device
    views: Tensor | None = None

    def __post_init__(self) -> None:
        self.names, self.labels = self.source.names, self.source.labels
        self.lengths: Tensor | None = None

    def __len__(self) -> int:
        return len(self.source)

    @property
    def features(self) -> Tensor:
        """The features of every sample as it is (N, …)."""
        return self.plain[self.places_N]

    def take(self, indices: Tensor, *, train: bool) -> Batch:
        """Return the features: of any form for training, of the sample as it is for measuring."""
        indices = indices.cpu()
        features = self.plain[self.places_N[indices]]
        if train and self.views is not None:
            count = len(self.views) // len(self)
            form_B = torch.randint(count + 1, indices.shape)
            changed_B = form_B > 0
            rows = indices[changed_B] + len(self) * (form_B[changed_B] - 1)
            features[changed_B] = self.views[rows]
        return Batch(features.to(self.device), self.targets(indices), len(indices))

    def targets(self, indices: Tensor) -> Any:
        """Return the targets of the samples."""
        return self.source.targets(indices)


class Meter(Protocol):
    """Adds up what a network said about a split."""

    def add(self, output: Any, batch: Batch) -> None:
        """Take one batch in."""

    def result(self) -> SplitMetrics:
        """Return every measure of what was taken in."""
