"""H-score: how much of the features' variance lies between the classes, after shrinkage.

Sources: Bao et al., "An information-theoretic approach to transferability in task transfer
learning", ICIP 2019; the shrunk form: Ibrahim, Ponomareva, Mazumder, "Newer is not always better",
ECML 2022; the amount of shrinkage: Ledoit, Wolf, "A well-conditioned estimator for
large-dimensional covariance matrices", 2004.
"""

import torch
from torch import Tensor

from worker.selection.spectra import spectrum


def h_score(features_ND: Tensor, labels_N: Tensor, shrinkage: float | None = None) -> float:
    """Return tr(cov(f)⁻¹ cov(E[f|y])) of shrunk covariances; higher is better.

    Args:
        features_ND: features, one row a sample.
        labels_N: class numbers.
        shrinkage: 0 for the plain score, None for the amount that Ledoit and Wolf derive.
    """
    centred_ND = features_ND.double() - features_ND.double().mean(dim=0)
    size, width = centred_ND.shape
    squares_K, left_NK = spectrum(centred_ND)
    if not len(squares_K):
        return 0.0
    amount = ledoit_wolf(centred_ND) if shrinkage is None else shrinkage
    # In the features' own axes the shrunk covariance is diagonal, and class means stay inside.
    scores_NK = left_NK * squares_K.sqrt()
    variances_K = squares_K / size
    shrunk_K = (1 - amount) * variances_K + amount * variances_K.sum() / width
    between_K = torch.zeros_like(variances_K)
    for label in labels_N.unique():
        mine = labels_N == label
        between_K += mine.double().mean() * scores_NK[mine].mean(dim=0).square()
    return float(((1 - amount) * between_K / shrunk_K).sum())


def ledoit_wolf(centred_ND: Tensor) -> float:
    """Return how far the covariance of centred rows is to be drawn towards its mean diagonal."""
    size, width = centred_ND.shape
    gram_NN = centred_ND @ centred_ND.T if size <= width else None
    small = gram_NN if gram_NN is not None else centred_ND.T @ centred_ND
    trace = centred_ND.square().sum() / size
    square = small.square().sum() / size**2
    distance = square - trace.square() / width
    fourth = centred_ND.square().sum(dim=1).square().sum() / size
    noise = (fourth - square) / size
    if float(distance) <= 0:
        return 1.0
    return float((noise / distance).clamp(0, 1))
