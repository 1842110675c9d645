"""How many processes a run takes on this machine, and how they share the weights."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from worker.contract.failures import FailureCode, RunError
from worker.contract.recipe import Recipe
from worker.contract.resources import indivisible, undivided

# A GPU is not filled by less than this of a batch.
_LEAST_SHARE = 8
# In fp32: a weight, its gradient, and the two moments of Adam.
_WEIGHT_BYTES, _TRAINED_BYTES = 4, 12
# The rest is for activations.
_FOR_WEIGHTS = 0.7


@dataclass(frozen=True)
class Layout:
    """How many processes share a run, and by which strategy; `fsdp2` may still follow from auto."""

    processes: int
    strategy: Literal["auto", "ddp", "fsdp2"]


def choose_layout(recipe: Recipe, num_samples: int) -> Layout:
    """Return how a recipe runs here.

    Raises:
        RunError: it asks for more GPUs than there are.
    """
    wanted = recipe.resources
    gpus = torch.cuda.device_count() if wanted.device != "cpu" else 0
    if wanted.processes == "auto":
        size = recipe.train.batch_for(num_samples) * recipe.train.gradient_accumulation_steps
        count = 1 if undivided(recipe) else max(1, min(gpus, size // _LEAST_SHARE))
        return Layout(count, wanted.strategy)
    if wanted.processes > max(gpus, 1) and (gpus or wanted.device == "cuda"):
        raise RunError(
            FailureCode.DEVICE_MISSING,
            f"resources.processes is {wanted.processes}, and this machine has {gpus} GPUs.",
        )
    return Layout(wanted.processes, wanted.strategy)


def needs_sharding(recipe: Recipe, module: nn.Module, device: torch.device) -> bool:
    """Return whether weights and optimizer are too much for one GPU, and can be divided."""
    if device.type != "cuda" or indivisible(recipe) is not None:
        return False
    total = sum(parameter.numel() for parameter in module.parameters())
    room = torch.cuda.get_device_properties(device).total_memory * _FOR_WEIGHTS
    return total * (_WEIGHT_BYTES + _TRAINED_BYTES) > room
