"""Learning rates and weight decay for every trained parameter."""

from dataclasses import dataclass

from torch import nn

from worker.contract.failures import FailureCode, RunError
from worker.contract.plan import GroupPlan
from worker.contract.stages import Stage
from worker.modeling.freezing import select
from worker.modeling.groups import HEAD
from worker.modeling.network import Network


@dataclass
class RateGroup:
    """Parameters with one learning rate; `plain` is not pulled towards zero (bias and norm)."""

    name: str
    lr: float
    decayed: list[nn.Parameter]
    plain: list[nn.Parameter]

    @property
    def plan(self) -> GroupPlan:
        """What is told about the group."""
        count = sum(parameter.numel() for parameter in [*self.decayed, *self.plain])
        return GroupPlan(name=self.name, lr=self.lr, count=count)


def rate_groups(network: Network, stage: Stage) -> list[RateGroup]:
    """Return the trained parameters of a stage by learning rate, from stem to head.

    Raises:
        RunError: `lr_by_group` names something that this stage does not train.
    """
    trained = {name: p for name, p in network.module.named_parameters() if p.requires_grad}
    rates = _by_depth(network, stage) if stage.layer_decay else _by_selector(network, stage)
    groups: dict[str, RateGroup] = {}
    for name, parameter in trained.items():
        label, lr = rates[name]
        group = groups.setdefault(label, RateGroup(label, lr, [], []))
        # Bias and norm have one dimension; decay would pull them for no benefit.
        (group.decayed if parameter.ndim > 1 else group.plain).append(parameter)
    return list(groups.values())


def _by_depth(network: Network, stage: Stage) -> dict[str, tuple[str, float]]:
    """Return a rate that shrinks with every group further from the head."""
    decay = stage.layer_decay or 1.0
    last = len(network.groups) - 1
    return {
        name: (group.name, stage.optimizer.rate * decay ** (last - number))
        for number, group in enumerate(network.groups)
        for name in group.names
    }


def _by_selector(network: Network, stage: Stage) -> dict[str, tuple[str, float]]:
    rates: dict[str, tuple[str, float]] = {}
    for group in network.groups:
        label = HEAD if group.name == HEAD else "backbone"
        rates |= dict.fromkeys(group.names, (label, stage.optimizer.rate))
    trained = set(select(network, stage.train, f"stage {stage.name}"))
    for selector, lr in stage.lr_by_group.items():
        names = select(network, (selector,), f"stage {stage.name}, lr_by_group")
        reached = [name for name in names if name in trained]
        if not reached:
            raise RunError(
                FailureCode.RECIPE_INVALID,
                f"stage {stage.name}: lr_by_group gives a rate to {selector!r}, which is frozen.",
            )
        rates |= dict.fromkeys(reached, (selector, lr))
    return rates
