"""k nearest neighbours, each sample judged by the others."""

import torch
from torch import Tensor
from torch.nn import functional

_NEIGHBOURS = 10


def knn_correct(features_ND: Tensor, labels_N: Tensor, neighbours: int = _NEIGHBOURS) -> Tensor:
    """Return for each sample whether its nearest others (by angle) vote for its class.

    Votes are equal; where classes draw, the one whose voters are closer together wins.
    Source: Renggli et al., "Which model to transfer?", CVPR 2022, take it as a proxy.
    """
    unit_ND = functional.normalize(features_ND.double(), dim=1)
    likeness_NN = unit_ND @ unit_ND.T
    likeness_NN.fill_diagonal_(-torch.inf)
    near_Nk, which_Nk = likeness_NN.topk(min(neighbours, len(labels_N) - 1), dim=1)
    votes_NC = torch.zeros(len(labels_N), int(labels_N.max()) + 1, dtype=torch.float64)
    # Likeness lies in [-1, 1]: a hundredth of it can settle a draw and nothing else.
    votes_NC.scatter_add_(1, labels_N[which_Nk], 1 + near_Nk / 100 / near_Nk.shape[1])
    return votes_NC.argmax(dim=1) == labels_N
