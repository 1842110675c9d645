"""The linear probe: logistic regression on frozen features, judged on samples held out."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_ROUNDS = 100
_STRENGTH = 10.0


@dataclass(frozen=True)
class Probe:
    """A fitted probe. Features are shifted and scaled by the numbers of its training samples."""

    weight_DC: Tensor
    bias_C: Tensor
    mean_D: Tensor
    scale_D: Tensor

    def scores(self, features_ND: Tensor) -> Tensor:
        """Return the class scores (N, C)."""
        standard_ND = (features_ND.double() - self.mean_D) / self.scale_D
        return standard_ND @ self.weight_DC + self.bias_C


def fit_probe(
    features_ND: Tensor, labels_N: Tensor, num_classes: int, strength: float = _STRENGTH
) -> Probe:
    """Return the multinomial logistic regression with an L2 penalty, by L-BFGS.

    The penalty is ‖W‖² / (2 · strength · N · D) on standardised features: divided by the width, so
    that wide and narrow bases are held back alike. The bias is free.
    """
    features_ND = features_ND.double()
    mean_D = features_ND.mean(dim=0)
    deviation_D = features_ND.std(dim=0, correction=0)
    scale_D = torch.where(deviation_D > 1e-9, deviation_D, 1.0)  # noqa: PLR2004 - a constant feature
    width = features_ND.shape[1]
    standard_ND = (features_ND - mean_D) / (scale_D * width**0.5)
    weight_DC = torch.zeros(width, num_classes, dtype=torch.float64, requires_grad=True)
    bias_C = torch.zeros(num_classes, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight_DC, bias_C], max_iter=_ROUNDS, tolerance_change=1e-9, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(standard_ND @ weight_DC + bias_C, labels_N)
        loss = loss + weight_DC.square().sum() / (2 * strength * len(labels_N))
        loss.backward()
        return loss

    optimizer.step(closure)
    return Probe(weight_DC.detach() / width**0.5, bias_C.detach(), mean_D, scale_D)
