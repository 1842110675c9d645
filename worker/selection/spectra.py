"""Linear algebra that several scores share, in float64."""

import torch
from torch import Tensor

# Directions weaker than this share of the strongest one are rounding, not signal.
_RELATIVE_RANK = 1e-12
_SPARE = 16
_ROUNDS = 4


def spectrum(matrix_ND: Tensor) -> tuple[Tensor, Tensor]:
    """Return the squared singular values (K, falling) and the left singular vectors (N, K).

    Works on the smaller Gram matrix, which is some ten times faster than a full decomposition.
    """
    matrix_ND = matrix_ND.double()
    num_rows, width = matrix_ND.shape
    if num_rows <= width:
        values_K, left_NK = torch.linalg.eigh(matrix_ND @ matrix_ND.T)
        kept = _kept(values_K)
        return values_K[kept].flip(0), left_NK[:, kept].flip(1)
    values_K, right_DK = torch.linalg.eigh(matrix_ND.T @ matrix_ND)
    kept = _kept(values_K)
    values_K, right_DK = values_K[kept].flip(0), right_DK[:, kept].flip(1)
    return values_K, (matrix_ND @ right_DK) / values_K.sqrt()


def _kept(values_K: Tensor) -> Tensor:
    largest = values_K.max().clamp_min(torch.finfo(torch.float64).tiny)
    return values_K > largest * _RELATIVE_RANK


def principal(features_ND: Tensor, at_most: int) -> Tensor:
    """Return the leading principal components (N, K ≤ at_most), strongest first, not whitened.

    Of wide features only a random sketch is decomposed. Source: Halko, Martinsson, Tropp,
    "Finding structure with randomness", 2011.
    """
    centred_ND = features_ND.double() - features_ND.double().mean(dim=0)
    sketched = at_most + _SPARE
    if sketched < min(centred_ND.shape):
        generator = torch.Generator().manual_seed(0)
        start = torch.randn(centred_ND.shape[1], sketched, dtype=torch.float64, generator=generator)
        for _ in range(_ROUNDS):
            range_NS = torch.linalg.qr(centred_ND @ start).Q
            start = torch.linalg.qr(centred_ND.T @ range_NS).Q
        centred_ND = centred_ND @ start
    values_K, left_NK = spectrum(centred_ND)
    if not len(values_K):
        return torch.zeros(len(features_ND), 1, dtype=torch.float64)
    return left_NK[:, :at_most] * values_K[:at_most].sqrt()


def log_det_one_plus(matrix_ND: Tensor, factor: float) -> Tensor:
    """Return ln det(I + factor · MᵀM), from whichever side of M is the smaller one."""
    rows, width = matrix_ND.shape
    small = matrix_ND @ matrix_ND.T if rows <= width else matrix_ND.T @ matrix_ND
    one = torch.eye(len(small), dtype=torch.float64)
    root: Tensor = torch.linalg.cholesky(one + factor * small)
    return 2 * root.diagonal().log().sum()
