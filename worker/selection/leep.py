"""LEEP and NCE: how well the base's own classes foretell the new ones.

Sources: Nguyen et al., "LEEP: A new measure to evaluate transferability of learned
representations", ICML 2020; Tran, Nguyen, Hassner, "Transferability and hardness of supervised
classification tasks", ICCV 2019.
"""

import torch
from torch import Tensor
from torch.nn import functional


def leep_per_sample(source_NZ: Tensor, labels_N: Tensor) -> Tensor:
    """Return ln p(y|x) of each sample when y is drawn through the base's own classes.

    Args:
        source_NZ: probabilities of the base's own classes; each row sums to 1.
        labels_N: the new classes, numbers from 0.
    """
    source_NZ = source_NZ.double()
    targets_NY = functional.one_hot(labels_N).double()
    joint_YZ = targets_NY.T @ source_NZ / len(labels_N)
    marginal_Z = joint_YZ.sum(dim=0)
    # A source class that nothing falls into has no say; 0/0 would spoil every sample.
    given_YZ = torch.where(marginal_Z > 0, joint_YZ / marginal_Z.clamp_min(1e-300), 0.0)
    predicted_NY = source_NZ @ given_YZ.T
    return predicted_NY.gather(1, labels_N[:, None]).squeeze(1).clamp_min(1e-300).log()


def leep(source_NZ: Tensor, labels_N: Tensor) -> float:
    """Return the mean of `leep_per_sample`, in nats, at most 0; higher is better."""
    return float(leep_per_sample(source_NZ, labels_N).mean())


def nce(source_N: Tensor, labels_N: Tensor) -> float:
    """Return −H(new class | base's own class), in nats, at most 0; higher is better.

    Args:
        source_N: the class that the base itself gives to each sample.
        labels_N: the new classes.
    """
    _, source_N = source_N.unique(return_inverse=True)
    _, labels_N = labels_N.unique(return_inverse=True)
    count_YZ = functional.one_hot(labels_N).double().T @ functional.one_hot(source_N).double()
    joint_YZ = count_YZ / len(labels_N)
    return float((torch.xlogy(joint_YZ, joint_YZ / joint_YZ.sum(dim=0))).sum())
