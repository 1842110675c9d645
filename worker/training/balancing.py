"""Adding up the losses of several tasks, so that none drowns the others."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

Balancing = Literal["none", "uncertainty", "gradnorm"]
NUMBERS = "task_numbers"
FIRST = "task_first_losses"
# How strongly tasks that lag are favoured. Source: Chen et al. 2018, arXiv 1711.02257.
_ALPHA = 1.5


class Balance:
    """Weights of the tasks of one network.

    What is learned for them are parameters of the network's head, so that optimizer and
    checkpoints know them; `release` takes them out when training is over.
    """

    def __init__(self, kind: Balancing, weights: Sequence[float], head: nn.Module) -> None:
        self._kind, self._head = kind, head
        self._weights_T = torch.tensor(list(weights))
        if kind != "none":
            head.register_parameter(NUMBERS, nn.Parameter(torch.zeros(len(weights))))
        if kind == "gradnorm":
            head.register_buffer(FIRST, torch.zeros(len(weights)))

    def total(self, losses_T: Tensor, shared: nn.Parameter | None = None) -> Tensor:
        """Return the loss that is trained on.

        Args:
            losses_T: the loss of each task; those of a batch without labels are zero.
            shared: the last parameter that all tasks train; None where there is none.
        """
        weighted_T = losses_T * self._weights_T.to(losses_T)
        if self._kind == "none":
            return weighted_T.sum()
        numbers_T: Tensor = self._head.get_parameter(NUMBERS)
        if self._kind == "uncertainty":
            return uncertainty(weighted_T, numbers_T)
        shares_T = len(losses_T) * numbers_T.softmax(0)
        total = (weighted_T * shares_T.detach()).sum()
        if shared is None or not torch.is_grad_enabled() or not losses_T.requires_grad:
            return total
        return total + self._pull(weighted_T, shares_T, shared)

    def _pull(self, losses_T: Tensor, shares_T: Tensor, shared: nn.Parameter) -> Tensor:
        first_T = self._head.get_buffer(FIRST)
        now_T = losses_T.detach()
        first_T.copy_(torch.where(first_T > 0, first_T, now_T))
        sizes_T = torch.stack([_size(loss, shared) for loss in losses_T])
        return imbalance(shares_T, sizes_T, now_T / first_T.clamp_min(1e-12))

    def release(self) -> None:
        """Take what only training needs out of the network."""
        if self._kind != "none":
            self._head.register_parameter(NUMBERS, None)
            del self._head._parameters[NUMBERS]  # noqa: SLF001 - torch has no other way
        if self._kind == "gradnorm":
            delattr(self._head, FIRST)


def uncertainty(losses_T: Tensor, log_variances_T: Tensor) -> Tensor:
    """Return the sum of losses, each divided by a noise that is learned and costs its logarithm.

    Source: Kendall et al. 2018, arXiv 1705.07115, with exp(-s) in place of 1/2 exp(-s).
    """
    return (torch.exp(-log_variances_T) * losses_T + log_variances_T / 2).sum()


def imbalance(shares_T: Tensor, sizes_T: Tensor, left_T: Tensor) -> Tensor:
    """Return how far the gradients of tasks are from those at which all learn equally fast.

    Args:
        shares_T: the weights of the tasks, which alone get a gradient.
        sizes_T: how large the gradient of each loss is on the shared layer, unweighted.
        left_T: how much of its first loss each task has left.
    """
    own_T = shares_T * sizes_T
    lag_T = left_T / left_T.mean().clamp_min(1e-12)
    wanted_T = own_T.detach().mean() * lag_T**_ALPHA
    return (own_T - wanted_T).abs().sum()


def _size(loss: Tensor, shared: nn.Parameter) -> Tensor:
    (gradient,) = torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True)
    size: Tensor = torch.zeros(()) if gradient is None else gradient.detach().float().norm()
    return size.to(loss)
