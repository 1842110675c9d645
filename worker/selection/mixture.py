"""A mixture of Gaussians with diagonal covariances, fitted by expectation maximisation."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_ROUNDS = 100
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Mixture:
    """Parts of a mixture: weights sum to 1, variances are per axis."""

    weights_P: Tensor
    means_PK: Tensor
    variances_PK: Tensor

    def log_joint(self, points_NK: Tensor) -> Tensor:
        """Return ln(weight · density) of each point under each part."""
        precision_PK = 1 / self.variances_PK
        squared_NP = (
            points_NK.square() @ precision_PK.T
            - 2 * points_NK @ (self.means_PK * precision_PK).T
            + (self.means_PK.square() * precision_PK).sum(dim=1)
        )
        normal_P = self.variances_PK.log().sum(dim=1) + points_NK.shape[1] * math.log(2 * math.pi)
        return self.weights_P.log() - 0.5 * (squared_NP.clamp_min(0) + normal_P)

    def posterior(self, points_NK: Tensor) -> Tensor:
        """Return the probability of each part given each point; rows sum to 1."""
        return self.log_joint(points_NK).softmax(dim=1)


def fit_mixture(points_NK: Tensor, parts: int, generator: torch.Generator) -> Mixture:
    """Return the mixture that a start spread by distance (k-means++) leads to."""
    points_NK = points_NK.double()
    floor_K = points_NK.var(dim=0, correction=0) * 1e-3 + 1e-12
    mixture = Mixture(
        torch.full((parts,), 1 / parts, dtype=torch.float64),
        _spread(points_NK, parts, generator),
        (points_NK.var(dim=0, correction=0) + floor_K).expand(parts, -1),
    )
    before = -math.inf
    for _ in range(_ROUNDS):
        joint_NP = mixture.log_joint(points_NK)
        told = float(joint_NP.logsumexp(dim=1).mean())
        if abs(told - before) < _TOLERANCE:
            break
        before = told
        mixture = _maximised(points_NK, joint_NP.softmax(dim=1), floor_K)
    return mixture


def _maximised(points_NK: Tensor, share_NP: Tensor, floor_K: Tensor) -> Mixture:
    total_P = share_NP.sum(dim=0).clamp_min(1e-12)
    means_PK = share_NP.T @ points_NK / total_P[:, None]
    squares_PK = share_NP.T @ points_NK.square() / total_P[:, None]
    variances_PK = torch.maximum(squares_PK - means_PK.square(), floor_K)
    return Mixture(total_P / total_P.sum(), means_PK, variances_PK)


def _spread(points_NK: Tensor, parts: int, generator: torch.Generator) -> Tensor:
    """Return starting points: each new one is drawn with the square of its distance to the rest.

    Source: Arthur, Vassilvitskii, "k-means++: The advantages of careful seeding", 2007.
    """
    chosen = [int(torch.randint(len(points_NK), (1,), generator=generator))]
    nearest_N = (points_NK - points_NK[chosen[0]]).square().sum(dim=1)
    for _ in range(parts - 1):
        if float(nearest_N.sum()) <= 0:
            chosen.append(chosen[0])
            continue
        chosen.append(int(torch.multinomial(nearest_N, 1, generator=generator)))
        distance_N = (points_NK - points_NK[chosen[-1]]).square().sum(dim=1)
        nearest_N = torch.minimum(nearest_N, distance_N)
    return points_NK[chosen].clone()
