"""The loss of a recipe: cross-entropy or focal, with weights of classes and samples."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from worker.contract.failures import FailureCode, RunError
from worker.contract.training import Imbalance, Train
from worker.data.samples import Samples

_EFFECTIVE_BETA = 0.999
_FOCUS = 2.0
# What a batch whose samples all weigh nothing is divided by.
TINY = 1e-12


def class_weights(
    imbalance: Imbalance, classes: Sequence[str], counts: Mapping[str, int]
) -> Tensor | None:
    """Return the weight of each class with a mean of 1 over the training images, or None.

    Raises:
        RunError: a weight is given to a class that is not there.
    """
    choice = imbalance.class_weight
    if choice == "none":
        return None
    if not isinstance(choice, str):
        unknown = sorted(choice.keys() - set(classes))
        if unknown:
            raise RunError(
                FailureCode.RECIPE_INVALID,
                f"data.imbalance.class_weight: there is no class {unknown[0]!r}.",
            )
        return torch.tensor([choice.get(label, 1.0) for label in classes])
    counts_C = torch.tensor([float(counts[label]) for label in classes])
    if choice == "balanced":
        return counts_C.sum() / (len(classes) * counts_C)
    # Source: Cui et al. 2019, arXiv 1901.05555.
    effective_C = (1 - _EFFECTIVE_BETA**counts_C) / (1 - _EFFECTIVE_BETA)
    weights_C = 1 / effective_C
    return weights_C * counts_C.sum() / (weights_C * counts_C).sum()


class ClassLoss(nn.Module):
    """The mean loss of a batch of class scores, in nats; weighted samples make a weighted mean.

    Targets are class numbers (B,), or soft ones (B, C) where pictures are blended.
    """

    weights_C: Tensor | None

    def __init__(
        self,
        weights_C: Tensor | None = None,
        label_smoothing: float = 0.0,
        kind: Literal["cross_entropy", "focal"] = "cross_entropy",
    ) -> None:
        super().__init__()
        self.register_buffer("weights_C", weights_C)
        self._smoothing = label_smoothing
        self._kind = kind

    def forward(
        self, scores_BC: Tensor, targets: Tensor, weights_B: Tensor | None = None
    ) -> Tensor:
        """Return the loss of scores against targets."""
        if self._kind == "cross_entropy" and weights_B is None:
            return functional.cross_entropy(
                scores_BC, targets, self.weights_C, label_smoothing=self._smoothing
            )
        if self._kind == "focal":
            losses_B = focal_losses(scores_BC, targets, self.weights_C)
        else:
            losses_B = functional.cross_entropy(
                scores_BC,
                targets,
                self.weights_C,
                reduction="none",
                label_smoothing=self._smoothing,
            )
        return self._mean(losses_B, targets, weights_B)

    def _mean(self, losses_B: Tensor, targets: Tensor, weights_B: Tensor | None) -> Tensor:
        shares_B = torch.ones_like(losses_B) if weights_B is None else weights_B.to(losses_B)
        return (losses_B * shares_B).sum() / self._totals(shares_B, targets).sum().clamp_min(TINY)

    def _totals(self, shares_B: Tensor, targets: Tensor) -> Tensor:
        if self.weights_C is None or targets.ndim > 1:
            return shares_B
        return shares_B * self.weights_C[targets]

    def weight(self, targets: Tensor, weights_B: Tensor | None = None) -> float:
        """Return what the loss of these targets was divided by."""
        if self.weights_C is None and weights_B is None:
            return float(len(targets))
        ones_B = torch.ones(len(targets), device=targets.device)
        shares_B = ones_B if weights_B is None else weights_B.to(ones_B)
        return float(self._totals(shares_B, targets).sum())


def focal_losses(scores_BC: Tensor, targets_B: Tensor, weights_C: Tensor | None) -> Tensor:
    """Return the loss of each sample, small where the network is right and sure already.

    Source: Lin et al. 2017, arXiv 1708.02002, with its exponent of 2.
    """
    logs_B = functional.log_softmax(scores_BC, dim=1).gather(1, targets_B[:, None])[:, 0]
    losses_B = -((1 - logs_B.exp()) ** _FOCUS) * logs_B
    return losses_B if weights_C is None else losses_B * weights_C[targets_B]


def build_loss(
    weights_C: Tensor | None,
    label_smoothing: float,
    kind: Literal["cross_entropy", "focal"] = "cross_entropy",
) -> ClassLoss:
    """Return the loss; with weights it is the weighted mean over the batch, in nats."""
    return ClassLoss(weights_C, label_smoothing, kind)


def class_loss(
    train: Train, imbalance: Imbalance, classes: Sequence[str], samples: Samples
) -> ClassLoss:
    """Return the loss of a recipe for its training samples.

    Raises:
        RunError: a weight is given to a class that is not there.
    """
    counts = Counter(fact.label for fact in samples.facts)
    weights_C = class_weights(imbalance, classes, counts)
    return ClassLoss(weights_C, train.label_smoothing, train.loss)
