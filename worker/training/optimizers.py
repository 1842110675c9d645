"""Optimizers by name, over groups with their own rates."""

from torch import optim

from worker.contract.stages import Optimizer
from worker.modeling.param_groups import RateGroup

_SGD_MOMENTUM = 0.9
_BETAS = (0.9, 0.999)


def build_optimizer(settings: Optimizer, groups: list[RateGroup]) -> optim.Optimizer:
    """Return a fresh optimizer; each of its groups carries `base_lr` and `name`."""
    rows = [
        {"params": parameters, "lr": group.lr, "base_lr": group.lr, "name": group.name, **decay}
        for group in groups
        for parameters, decay in (
            (group.decayed, {"weight_decay": settings.weight_decay}),
            (group.plain, {"weight_decay": 0.0}),
        )
        if parameters
    ]
    momentum, betas = settings.momentum, settings.betas or _BETAS
    match settings.name:
        case "sgd":
            return optim.SGD(rows, momentum=_SGD_MOMENTUM if momentum is None else momentum)
        case "rmsprop":
            return optim.RMSprop(rows, momentum=momentum or 0.0)
        case "adam":
            return optim.Adam(rows, betas=betas)
        case "adamw":
            return optim.AdamW(rows, betas=betas)


def set_rates(optimizer: optim.Optimizer, factor: float) -> dict[str, float]:
    """Set every group to its base rate times a factor; return the rates by group name."""
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor
    return {str(group["name"]): float(group["lr"]) for group in optimizer.param_groups}
