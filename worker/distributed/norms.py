"""BatchNorm over the samples of all processes: what it learns does not depend on their number."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.autograd.function import FunctionCtx
from torch.nn.modules.batchnorm import _BatchNorm


class _Sum(torch.autograd.Function):
    """The sum of a tensor over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: FunctionCtx, tensor: Tensor) -> Tensor:
        del ctx
        total = tensor.detach().clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> Tensor:
        del ctx
        total = gradients[0].contiguous().clone()
        distributed.all_reduce(total)
        return total


def _summed(tensor: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(tensor)
    return total


def share_norms(module: nn.Module, counts: Callable[[], bool]) -> list[nn.Module]:
    """Let BatchNorms that train see the samples of all processes; return them.

    Args:
        module: the network.
        counts: whether this process's samples count at the moment.
    """
    shared: list[nn.Module] = [
        part
        for part in module.modules()
        if isinstance(part, _BatchNorm) and part.training and "forward" not in vars(part)
    ]
    for norm in shared:
        norm.forward = partial(_run, norm, norm.forward, counts)
    return shared


def part_norms(norms: list[nn.Module]) -> None:
    """Undo it."""
    for norm in norms:
        del norm.forward


def _run(
    norm: Any, alone: Callable[[Tensor], Tensor], counts: Callable[[], bool], x: Tensor
) -> Tensor:
    if not norm.training:
        return alone(x)
    y = _normalized(norm, x, counts=counts())
    # timm's BatchNorms have an activation inside.
    for name in ("drop", "act"):
        then: Any = getattr(norm, name, None)
        y = y if then is None else then(y)
    return y


def _normalized(norm: _BatchNorm, x: Tensor, *, counts: bool) -> Tensor:
    """Return the normalised values, in fp32 as BatchNorm computes, in the type of the input."""
    dims = [dim for dim in range(x.ndim) if dim != 1]
    shape = [1, -1] + [1] * (x.ndim - 2)
    values = x.float()
    here = float(counts)
    size = torch.full((1,), here * x.numel() / x.shape[1], device=x.device)
    sums = _summed(torch.cat([values.sum(dims) * here, size]))
    count = sums[-1].detach()
    mean_C = sums[:-1] / count
    centred = values - mean_C.view(shape)
    var_C = _summed(centred.square().sum(dims) * here) / count
    _keep_statistics(norm, mean_C.detach(), var_C.detach(), float(count))
    y = centred * (var_C + norm.eps).rsqrt().view(shape)
    if norm.weight is not None:
        y = y * norm.weight.view(shape) + norm.bias.view(shape)
    return y.to(x.dtype)


@torch.no_grad()
def _keep_statistics(norm: _BatchNorm, mean_C: Tensor, var_C: Tensor, count: float) -> None:
    if norm.running_mean is None or norm.running_var is None:
        return
    factor = norm.momentum
    if norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)
        if factor is None:
            factor = 1.0 / float(norm.num_batches_tracked)
    rate = 0.0 if factor is None else factor
    norm.running_mean.lerp_(mean_C.to(norm.running_mean), rate)
    norm.running_var.lerp_((var_C * count / max(count - 1, 1)).to(norm.running_var), rate)
