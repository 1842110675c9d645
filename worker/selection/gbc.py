"""GBC: how little the classes overlap, each seen as a Gaussian in feature space.

Source: Pándy et al., "Transferability estimation using Bhattacharyya class separability",
CVPR 2022.
"""

import torch
from torch import Tensor

from worker.selection.spectra import principal

_WIDTH = 64


def gbc(features_ND: Tensor, labels_N: Tensor, width: int | None = _WIDTH) -> float:
    """Return minus the sum of the classes' Bhattacharyya coefficients; higher is better.

    Args:
        features_ND: features, one row a sample.
        labels_N: class numbers.
        width: principal components that are kept, as in the paper; None keeps the features.
    """
    points_NK = features_ND.double() if width is None else principal(features_ND, width)
    floor_K = points_NK.var(dim=0, correction=0) * 1e-4 + 1e-12
    groups = [points_NK[labels_N == label] for label in labels_N.unique()]
    means_CK = torch.stack([group.mean(dim=0) for group in groups])
    # A class of one sample has no variance of its own; the floor keeps it from being a point.
    variances_CK = torch.stack([group.var(dim=0, correction=0) for group in groups]) + floor_K
    total = 0.0
    for one in range(len(groups)):
        others = torch.arange(len(groups)) != one
        distances = bhattacharyya(
            means_CK[one], variances_CK[one], means_CK[others], variances_CK[others]
        )
        total += float((-distances).exp().sum())
    return -total


def bhattacharyya(
    mean_K: Tensor, variance_K: Tensor, means_CK: Tensor, variances_CK: Tensor
) -> Tensor:
    """Return the Bhattacharyya distances of one diagonal Gaussian from several."""
    between_CK = (variance_K + variances_CK) / 2
    near_C = ((mean_K - means_CK).square() / between_CK).sum(dim=1) / 8
    shape_C = (between_CK.log() - (variance_K.log() + variances_CK.log()) / 2).sum(dim=1) / 2
    return near_C + shape_C
