"""Dividing a network into groups from the stem to the head; each parameter is in exactly one."""

from collections.abc import Iterable
from dataclasses import dataclass

from timm.models import group_parameters
from torch import nn

# Containers whose children are the blocks of a network.
_CONTAINERS = ("features", "layers", "blocks", "stages", "encoder.layers", "block", "trunk_output")
HEAD = "head"
STEM = "stem"


@dataclass(frozen=True)
class Group:
    """Parameters that are frozen and thawed together. `names` are full parameter names."""

    name: str
    names: tuple[str, ...]


def divide(network: nn.Module, head_path: str) -> list[Group]:
    """Return the groups in order from stem to head; the last is named `head`."""
    names = [name for name, _ in network.named_parameters()]
    head = tuple(name for name in names if name.startswith(f"{head_path}."))
    body = [name for name in names if not name.startswith(f"{head_path}.")]
    matcher = getattr(network, "group_matcher", None)
    raw = _by_matcher(network, set(body)) if callable(matcher) else _by_children(network, body)
    blocks = _without_lone_norms(network, raw)
    return [*_named(blocks, _pool_indices(network)), Group(HEAD, head)]


def _by_matcher(network: nn.Module, body: set[str]) -> list[list[str]]:
    matcher = network.group_matcher(coarse=True)  # type: ignore[operator] # timm's own method, absent from nn.Module
    groups: dict[int, list[str]] = group_parameters(network, matcher)
    kept = [[name for name in groups[key] if name in body] for key in sorted(groups)]
    return [names for names in kept if names]


def _by_children(network: nn.Module, body: Iterable[str]) -> list[list[str]]:
    pools = _pool_indices(network)
    blocks: dict[str, list[str]] = {}
    for name in body:
        blocks.setdefault(_block_of(name, pools), []).append(name)
    return _with_stem(network, list(blocks.values()))


def _block_of(name: str, pools: list[int]) -> str:
    """Return a key that all parameters of one block share."""
    for container in _CONTAINERS:
        rest = name.removeprefix(f"{container}.")
        if rest != name:
            child = rest.split(".")[0]
            if pools and container == "features" and child.isdigit():
                # A plain chain of convolutions (VGG): the pooling layers part the blocks.
                return f"block{1 + sum(index < int(child) for index in pools)}"
            return f"{container}.{child}"
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == "encoder" else parts[0]


def _pool_indices(network: nn.Module) -> list[int]:
    features = getattr(network, "features", None)
    if not isinstance(features, nn.Sequential):
        return []
    return [i for i, part in enumerate(features) if isinstance(part, nn.MaxPool2d)]


def _with_stem(network: nn.Module, blocks: list[list[str]]) -> list[list[str]]:
    """Join the single layers at the front (a convolution and its norm) into one stem."""
    count = 0
    for names in blocks:
        owners = {name.rpartition(".")[0] for name in names}
        only = owners.pop() if len(owners) == 1 else None
        single = only is not None and (
            len(names) == 1 or not list(network.get_submodule(only).children())
        )
        if not single:
            break
        count += 1
    front = [name for names in blocks[:count] for name in names]
    return [front, *blocks[count:]] if count > 1 else blocks


def _without_lone_norms(network: nn.Module, raw: list[list[str]]) -> list[list[str]]:
    """Join a last norm to the block before it: alone it is no block worth opening."""
    blocks: list[list[str]] = []
    for names in raw:
        owners = [network.get_submodule(name.rpartition(".")[0]) for name in names]
        if blocks and all(is_norm(owner) for owner in owners):
            blocks[-1] += names
        else:
            blocks.append(list(names))
    return blocks


def is_norm(module: nn.Module) -> bool:
    """Return whether a module is a normalisation layer of any kind."""
    return "norm" in type(module).__name__.lower()


def _named(raw: list[list[str]], pools: list[int]) -> list[Group]:
    """Name each group after the block its first parameter lies in; a joined front is the stem."""
    groups: list[Group] = []
    for number, names in enumerate(raw):
        owners = {name.rpartition(".")[0].split(".")[0] for name in names}
        name = _block_of(names[0], pools)
        if number == 0 and (len(owners) > 1 or "." not in name) and not name.startswith("block"):
            name = STEM
        if name == HEAD or any(group.name == name for group in groups):
            name = f"{name}-{number}"
        groups.append(Group(name, tuple(names)))
    return groups
