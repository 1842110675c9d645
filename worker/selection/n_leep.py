"""N-LEEP: LEEP for bases without classes of their own; a mixture of Gaussians stands in.

Source: Li et al., "Ranking neural checkpoints", CVPR 2021.
"""

import torch
from torch import Tensor

from worker.selection.leep import leep
from worker.selection.mixture import fit_mixture
from worker.selection.spectra import principal

_VARIANCE_SHARE = 0.8
_MAX_WIDTH = 64
_PARTS_PER_CLASS = 5
_SAMPLES_PER_PART = 5


def n_leep(features_ND: Tensor, labels_N: Tensor, seed: int = 0) -> float:
    """Return LEEP over the parts of a mixture fitted to the features; higher is better.

    Five parts for each class, but never so many that one has fewer than five samples on average.
    """
    num_classes = int(labels_N.max()) + 1
    parts = max(1, min(_PARTS_PER_CLASS * num_classes, len(labels_N) // _SAMPLES_PER_PART))
    reduced_NK = _reduced(features_ND)
    generator = torch.Generator().manual_seed(seed)
    return leep(fit_mixture(reduced_NK, parts, generator).posterior(reduced_NK), labels_N)


def _reduced(features_ND: Tensor) -> Tensor:
    """Return the principal components that hold 80 % of the variance, 64 at most."""
    points_NK = principal(features_ND, _MAX_WIDTH)
    centred_ND = features_ND.double() - features_ND.double().mean(dim=0)
    told_K = points_NK.square().sum(dim=0).cumsum(0) / centred_ND.square().sum().clamp_min(1e-300)
    return points_NK[:, : int((told_K < _VARIANCE_SHARE).sum()) + 1]
