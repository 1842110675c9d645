"""Optimizers by name, over groups with their own rates."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn, optim

from worker.contract.failures import FailureCode, RunError
from worker.contract.stages import Optimizer
from worker.modeling.param_groups import RateGroup

SGD_MOMENTUM = 0.9
BETAS = (0.9, 0.999)
# What torch adds to the spread of gradients before it divides by it.
EPSILON = 1e-8
_MATRIX_DIMS = 2
Row = dict[str, Any]


def build_optimizer(settings: Optimizer, groups: list[RateGroup]) -> optim.Optimizer:
    """Return a fresh optimizer; each of its groups carries `base_lr` and `name`.

    Raises:
        RunError: muon is asked for where no matrix trains.
    """
    rows: list[Row] = [
        {"params": parameters, "lr": group.lr, "base_lr": group.lr, "name": group.name, **decay}
        for group in groups
        for parameters, decay in (
            (group.decayed, {"weight_decay": settings.weight_decay}),
            (group.plain, {"weight_decay": 0.0}),
        )
        if parameters
    ]
    momentum, betas = settings.momentum, settings.betas or BETAS
    fused = _may_fuse(rows)
    build: dict[str, Callable[[], optim.Optimizer]] = {
        "sgd": lambda: optim.SGD(rows, momentum=SGD_MOMENTUM if momentum is None else momentum),
        "rmsprop": lambda: optim.RMSprop(rows, momentum=momentum or 0.0),
        "adam": lambda: optim.Adam(rows, betas=betas, fused=fused),
        "nadam": lambda: optim.NAdam(rows, betas=betas, decoupled_weight_decay=True),
        "radam": lambda: optim.RAdam(rows, betas=betas, decoupled_weight_decay=True),
        "adafactor": lambda: optim.Adafactor(rows),
        "muon": lambda: MatricesApart(rows),
        "adamw": lambda: optim.AdamW(rows, betas=betas, fused=fused),
    }
    return build[settings.name]()


def _may_fuse(rows: list[Row]) -> bool:
    """Return whether all of an update can be one operation, which reads the weights only once."""
    return all(
        # A weight of which each process holds a shard has placements; torch fuses only whole ones,
        # and goes wrong without a word where a kernel and its gradient lie differently in memory.
        parameter.device.type in {"cpu", "cuda"}
        and parameter.ndim <= _MATRIX_DIMS
        and not hasattr(parameter, "placements")
        for row in rows
        for parameter in row["params"]
    )


class MatricesApart(optim.Optimizer):
    """Muon for matrices, AdamW for everything else, with rates of the same scale.

    torch's Muon takes matrices only: kernels of convolutions, biases and norms go to AdamW.
    """

    def __init__(self, rows: list[Row]) -> None:
        matrices = _only(rows, lambda parameter: parameter.ndim == _MATRIX_DIMS)
        others = _only(rows, lambda parameter: parameter.ndim != _MATRIX_DIMS)
        if not matrices:
            raise RunError(
                FailureCode.RECIPE_INVALID,
                "optimizer.name muon works on matrices, and this stage trains none; use adamw.",
            )
        self._parts: list[optim.Optimizer] = [
            optim.Muon(matrices, adjust_lr_fn="match_rms_adamw", weight_decay=0.0)
        ]
        if others:
            self._parts.append(optim.AdamW(others))
        super().__init__([row for part in self._parts for row in part.param_groups], {})
        # The groups are those of the parts, so that a rate set here is the rate there.
        self.param_groups = [row for part in self._parts for row in part.param_groups]

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override] # without a loss to return, as the loop never asks for one
        """Update all weights."""
        del closure
        for part in self._parts:
            part.step()

    def zero_grad(self, set_to_none: bool = True) -> None:  # noqa: FBT001, FBT002 - torch's signature
        """Forget the gradients."""
        for part in self._parts:
            part.zero_grad(set_to_none=set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of both parts."""
        return {"parts": [part.state_dict() for part in self._parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state."""
        for part, state in zip(self._parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [row for part in self._parts for row in part.param_groups]


def _only(rows: Iterable[Row], wanted: Callable[[nn.Parameter | Tensor], bool]) -> list[Row]:
    kept = [{**row, "params": [p for p in row["params"] if wanted(p)]} for row in rows]
    return [row for row in kept if row["params"]]


def set_rates(optimizer: optim.Optimizer, factor: float) -> dict[str, float]:
    """Set every group to its base rate times a factor; return the rates by group name."""
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor
    return {str(group["name"]): float(group["lr"]) for group in optimizer.param_groups}
