"""The loss of a recipe: cross-entropy with smoothing and weights of classes."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from worker.contract.failures import FailureCode, RunError
from worker.contract.training import Imbalance

_EFFECTIVE_BETA = 0.999


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


def build_loss(weights_C: Tensor | None, label_smoothing: float) -> nn.CrossEntropyLoss:
    """Return the loss; with weights it is the weighted mean over the batch, in nats."""
    return nn.CrossEntropyLoss(weight=weights_C, label_smoothing=label_smoothing)
