"""LogME: how probable the labels are under a linear model of the features, weights integrated out.

Source: You, Liu, Wang, Long, "LogME: Practical assessment of pre-trained models for transfer
learning", ICML 2021; the fixed point converges as shown in its journal version (2022).
"""

import math

import torch
from torch import Tensor

from worker.selection.spectra import spectrum

_MAX_ROUNDS = 100
_TOLERANCE = 1e-6
_FLOOR = 1e-12


def logme(features_ND: Tensor, labels_N: Tensor) -> float:
    """Return the mean log evidence per sample and class, in nats; higher is better.

    Each class is a target of its own, 1 for its samples and 0 for the others.
    """
    squares_K, left_NK = spectrum(features_ND)
    evidences = []
    for label in labels_N.unique():
        target_N = (labels_N == label).double()
        alpha, beta = best_precisions(squares_K, left_NK, target_N)
        evidences.append(log_evidence(squares_K, left_NK, target_N, alpha, beta))
    return float(torch.stack(evidences).mean()) / len(labels_N)


def best_precisions(squares_K: Tensor, left_NK: Tensor, target_N: Tensor) -> tuple[Tensor, Tensor]:
    """Return the precisions of weights and of noise that make a target most probable.

    Source: MacKay's fixed point (Bishop, Pattern recognition and machine learning, §3.5.2).
    """
    size = len(target_N)
    alpha = beta = torch.ones((), dtype=torch.float64)
    for _ in range(_MAX_ROUNDS):
        ratio = alpha / beta
        weight_square, residual = _fit(squares_K, left_NK, target_N, ratio)
        gamma = (squares_K / (squares_K + ratio)).sum()
        alpha = gamma / weight_square.clamp_min(_FLOOR)
        beta = (size - gamma).clamp_min(_FLOOR) / residual.clamp_min(_FLOOR)
        if abs(float(alpha / beta / ratio) - 1) < _TOLERANCE:
            break
    return alpha, beta


def log_evidence(
    squares_K: Tensor, left_NK: Tensor, target_N: Tensor, alpha: Tensor, beta: Tensor
) -> Tensor:
    """Return ln N(target | 0, FFᵀ/alpha + I/beta), without building that matrix."""
    size, rank = len(target_N), len(squares_K)
    weight_square, residual = _fit(squares_K, left_NK, target_N, alpha / beta)
    return 0.5 * (
        rank * alpha.log()
        + size * beta.log()
        - (alpha + beta * squares_K).log().sum()
        - beta * residual
        - alpha * weight_square
        - size * math.log(2 * math.pi)
    )


def _fit(
    squares_K: Tensor, left_NK: Tensor, target_N: Tensor, ratio: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the squared length of the best weights and of what they leave unexplained."""
    parts_K = (left_NK.T @ target_N).square()
    outside = (target_N.square().sum() - parts_K.sum()).clamp_min(0)
    weight_square = (squares_K * parts_K / (squares_K + ratio).square()).sum()
    residual = (parts_K * (ratio / (squares_K + ratio)).square()).sum() + outside
    return weight_square, residual
