"""Choosing what trains: selectors to parameters, and the mode of every frozen layer."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from worker.contract.adapters import ADAPTER
from worker.contract.failures import FailureCode, RunError
from worker.contract.stages import Stage
from worker.modeling.adapters import adapter_names
from worker.modeling.groups import HEAD, is_norm
from worker.modeling.network import Network


def select(network: Network, selectors: str | Iterable[str], where: str) -> list[str]:
    """Return the names of the parameters that selectors reach, in the network's order.

    Args:
        network: the network.
        selectors: `all`, or a list of selectors.
        where: named in the error, for example the stage.

    Raises:
        RunError: a selector reaches nothing; a typo would otherwise train nothing in silence.
    """
    names = [name for name, _ in network.module.named_parameters()]
    if selectors == "all":
        return names
    wanted: set[str] = set()
    for selector in selectors:
        reached = _reached(network, selector, names)
        if not reached:
            raise RunError(FailureCode.RECIPE_INVALID, _no_match(network, selector, where))
        wanted |= reached
    return [name for name in names if name in wanted]


def _reached(network: Network, selector: str, names: list[str]) -> set[str]:
    if selector.startswith("last:"):
        count = int(selector.removeprefix("last:"))
        body = [group for group in network.groups if group.name != HEAD]
        # More groups than there are is a mistake in the recipe, not a wish for all of them.
        chosen = body[-count:] if count <= len(body) else []
        return {name for group in chosen for name in group.names}
    if selector == ADAPTER:
        return adapter_names(network.module)
    if selector == "bias":
        return {name for name in names if name.endswith(".bias")}
    if selector == "norm":
        owners = {path for path, part in network.module.named_modules() if is_norm(part)}
        return {name for name in names if name.rpartition(".")[0] in owners}
    exact = [group for group in network.groups if group.name == selector]
    groups = exact or [g for g in network.groups if fnmatchcase(g.name, selector)]
    grouped = {name for group in groups for name in group.names}
    if exact:
        return grouped
    return grouped | {name for name in names if _names_match(name, selector)}


def _names_match(name: str, selector: str) -> bool:
    """Match a parameter by a pattern for it or for one of the modules around it."""
    parts = name.split(".")
    return any(fnmatchcase(".".join(parts[:n]), selector) for n in range(1, len(parts) + 1))


def _no_match(network: Network, selector: str, where: str) -> str:
    known = ", ".join(group.name for group in network.groups)
    return f"{where}: {selector!r} matches nothing in this network; its groups are: {known}."


def set_trainable(network: Network, stage: Stage) -> int:
    """Freeze everything but what a stage trains; return the number of trained scalars."""
    trained = set(select(network, stage.train, f"stage {stage.name}"))
    count = 0
    for name, parameter in network.module.named_parameters():
        parameter.requires_grad_(name in trained)
        count += parameter.numel() if name in trained else 0
    return count


def set_modes(network: Network, batch_norm: str) -> None:
    """Put each layer into train or eval mode for a stage.

    A frozen layer stays in eval mode: running statistics would drift although weights do not,
    and dropout in front of the first trained layer would only add noise.
    """
    body_trains = any(_owned(network.module, network.head_path))
    for path, part in network.module.named_modules():
        has_own = any(True for _ in part.parameters())
        trains = any(parameter.requires_grad for parameter in part.parameters())
        if not has_own:
            trains = _without_parameters(network, path, body_trains=body_trains)
        if isinstance(part, _BatchNorm):
            trains = batch_norm == "train" or (trains and batch_norm == "auto")
        # Not part.train(): that would set the children too, which have their own turn.
        part.training = trains


def _owned(module: nn.Module, head_path: str) -> Iterable[bool]:
    return (
        parameter.requires_grad
        for name, parameter in module.named_parameters()
        if not name.startswith(f"{head_path}.")
    )


def _without_parameters(network: Network, path: str, *, body_trains: bool) -> bool:
    """Decide for dropout and the like: they follow the nearest layer with parameters around."""
    head = network.head_path
    if path == head or path.startswith(f"{head}."):
        return any(p.requires_grad for p in network.head_module.parameters())
    while path:
        path = path.rpartition(".")[0]
        if not path or head == path or head.startswith(f"{path}."):
            return body_trains
        own = list(network.module.get_submodule(path).parameters())
        if own:
            return any(parameter.requires_grad for parameter in own)
    return body_trains
