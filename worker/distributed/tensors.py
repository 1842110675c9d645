"""Tensors of which each process holds a part, read and written as if they were whole.

Everything here must be called by all processes in the same order.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from worker.distributed.strategy import own_part


@torch.no_grad()
def whole(tensor: Tensor) -> Tensor:
    """Return a copy of all of a tensor, on the CPU."""
    full = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
    return full.detach().cpu().clone()


def whole_values(value: Any) -> Any:
    """Return nested dictionaries and lists, such as an optimizer's state, with whole tensors."""
    if isinstance(value, dict):
        return {key: whole_values(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(whole_values(part) for part in value)
    return whole(value) if isinstance(value, DTensor) else value


def part_of(full: Tensor, target: Tensor) -> Tensor:
    """Return this process's part of a whole tensor, divided as another one is."""
    if not isinstance(target, DTensor):
        return full
    moved = full.to(own_part(target).device, target.dtype)
    # Every process has the whole: nothing needs to be sent.
    return distribute_tensor(moved, target.device_mesh, target.placements, src_data_rank=None)


@torch.no_grad()
def fill(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Write whole weights into a network, each process its part."""
    for name, tensor in module.state_dict(keep_vars=True).items():
        own_part(tensor.detach()).copy_(own_part(part_of(weights[name], tensor)))


def moments_like(state: dict[str, Any], parameters: list[nn.Parameter]) -> dict[str, Any]:
    """Return an optimizer's state with each of its whole tensors divided as its parameter is."""
    numbers = [number for group in state["param_groups"] for number in group["params"]]
    owner = dict(zip(numbers, parameters, strict=True))
    rows = {
        number: {key: _moment(value, owner[number]) for key, value in row.items()}
        for number, row in state["state"].items()
    }
    return {**state, "state": rows}


def _moment(value: Any, parameter: nn.Parameter) -> Any:
    is_one = isinstance(value, Tensor) and value.shape == parameter.shape and value.ndim > 0
    return part_of(value, parameter) if is_one else value
