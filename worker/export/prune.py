"""Taking the least important part of a network out.

Structured pruning follows the network as torch.fx sees it: where the output of one convolution or
linear layer flows, through layers that treat each channel alone, into exactly one other, both can
lose the same channels. Where paths meet (a residual sum), channels stay as they are.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, fx, nn
from torch.nn.utils import prune as torch_prune

B = TypeVar("B")
_KEEPS_CHANNELS = (
    nn.ReLU,
    nn.ReLU6,
    nn.SiLU,
    nn.GELU,
    nn.Hardswish,
    nn.LeakyReLU,
    nn.Sigmoid,
    nn.Tanh,
    nn.Dropout,
    nn.Dropout2d,
    nn.Identity,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
    nn.Flatten,
)
_FUNCTIONS = ("relu", "relu_", "relu6", "silu", "gelu", "dropout", "flatten", "adaptive_avg_pool2d")
# A layer keeps at least this many channels, or nothing could flow through it.
_LEAST_CHANNELS = 4


@dataclass(frozen=True)
class Chain:
    """`source` feeds `target` alone; `between` are layers with a value for each channel."""

    source: str
    between: tuple[str, ...]
    target: str


@dataclass(frozen=True)
class Pruned:
    """What was taken out. Counts are of parameters; `sparsity` is the part that is zero."""

    before: int
    after: int
    sparsity: float
    chains: int


def find_chains(network: nn.Module) -> list[Chain]:
    """Return where channels can be taken out; none for a network that fx cannot follow."""
    try:
        graph = fx.symbolic_trace(network).graph
    except (TypeError, RuntimeError, AttributeError, ValueError, AssertionError, KeyError):
        # fx gives up on networks whose path depends on their input, in as many ways.
        return []
    modules = dict(network.named_modules())
    uses: dict[str, int] = {}
    for node in graph.nodes:
        if node.op == "call_module":
            uses[str(node.target)] = uses.get(str(node.target), 0) + 1
    chains = []
    for node in graph.nodes:
        if node.op == "call_module" and _is_layer(modules[str(node.target)]):
            chain = _follow(node, modules)
            if chain and all(uses[n] == 1 for n in (chain.source, *chain.between, chain.target)):
                chains.append(chain)
    return chains


def _is_layer(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1)


def _is_depthwise(module: nn.Module) -> bool:
    return (
        isinstance(module, nn.Conv2d) and module.groups == module.in_channels == module.out_channels
    )


def _follow(start: fx.Node, modules: dict[str, nn.Module]) -> Chain | None:
    node, between = start, list[str]()
    while len(node.users) == 1:
        node = next(iter(node.users))
        if node.op in {"call_function", "call_method"}:
            if _function_name(node) not in _FUNCTIONS:
                return None
            continue
        if node.op != "call_module":
            return None
        name, module = str(node.target), modules[str(node.target)]
        if _is_layer(module):
            return Chain(str(start.target), tuple(between), name)
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) or _is_depthwise(module):
            between.append(name)
        elif not isinstance(module, _KEEPS_CHANNELS):
            return None
    return None


def _function_name(node: fx.Node) -> str:
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")


@torch.no_grad()
def prune_channels(network: nn.Module, amount: float) -> Pruned:
    """Take part of the channels out of every chain, in place; the weakest of each layer go.

    Strength is the length of a channel's weights, times the scale that a norm behind it gives.
    """
    before = _count(network)
    chains = find_chains(network)
    modules = dict(network.named_modules())
    for chain in chains:
        source = modules[chain.source]
        strength_C = _strength(source, [modules[name] for name in chain.between])
        keep = max(_LEAST_CHANNELS, round(len(strength_C) * (1 - amount)))
        if keep < len(strength_C):
            kept_K = strength_C.topk(keep).indices.sort().values
            _cut(chain, kept_K, modules, len(strength_C))
    return Pruned(before, _count(network), 0.0, len(chains))


def _strength(source: nn.Module, between: list[nn.Module]) -> Tensor:
    weight = source.get_parameter("weight")
    strength_C: Tensor = weight.flatten(1).norm(dim=1)
    if between and isinstance(between[0], nn.BatchNorm1d | nn.BatchNorm2d):
        norm = between[0]
        if norm.weight is not None and norm.running_var is not None:
            # What the norm makes of the channel: its own length is divided away there.
            strength_C = norm.weight.abs()
    return strength_C


def _cut(chain: Chain, kept_K: Tensor, modules: dict[str, nn.Module], channels: int) -> None:
    _cut_outputs(modules[chain.source], kept_K)
    for name in chain.between:
        _cut_between(modules[name], kept_K)
    target = modules[chain.target]
    weight = target.get_parameter("weight")
    # Behind a flatten each channel is a run of several inputs.
    run = weight.shape[1] // channels
    places = (kept_K[:, None] * run + torch.arange(run, device=kept_K.device)).flatten()
    target.weight = nn.Parameter(weight[:, places].clone(), weight.requires_grad)
    if isinstance(target, nn.Conv2d):
        target.in_channels = len(kept_K)
    elif isinstance(target, nn.Linear):
        target.in_features = len(places)


def _cut_outputs(layer: nn.Module, kept_K: Tensor) -> None:
    for name in ("weight", "bias"):
        old = getattr(layer, name, None)
        if isinstance(old, nn.Parameter):
            setattr(layer, name, nn.Parameter(old[kept_K].clone(), old.requires_grad))
    if isinstance(layer, nn.Conv2d):
        layer.out_channels = len(kept_K)
    elif isinstance(layer, nn.Linear):
        layer.out_features = len(kept_K)


def _cut_between(layer: nn.Module, kept_K: Tensor) -> None:
    _cut_outputs(layer, kept_K)
    if isinstance(layer, nn.Conv2d):
        layer.in_channels = layer.groups = len(kept_K)
        return
    assert isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)  # noqa: S101 - find_chains lets only these in
    layer.num_features = len(kept_K)
    for name in ("running_mean", "running_var"):
        old = getattr(layer, name)
        if old is not None:
            setattr(layer, name, old[kept_K].clone())


def prune_weights(network: nn.Module, amount: float) -> Pruned:
    """Set the smallest weights of all layers to zero, in place; the network keeps its size."""
    layers = [part for part in network.modules() if isinstance(part, nn.Linear | nn.Conv2d)]
    for layer in layers:
        # Lists all weights as one row, which channels-last weights are not.
        layer.weight.data = layer.weight.data.contiguous()
    if layers:
        torch_prune.global_unstructured(
            [(layer, "weight") for layer in layers],
            pruning_method=torch_prune.L1Unstructured,
            amount=amount,
        )
        for layer in layers:
            torch_prune.remove(layer, "weight")
    count = _count(network)
    zeros = sum(int((parameter == 0).sum()) for parameter in network.parameters())
    return Pruned(count, count, zeros / max(1, count), len(layers))


def heal(
    network: nn.Module,
    epochs: Iterable[Iterable[B]],
    loss: Callable[[B], Tensor],
    lr: float,
) -> None:
    """Train all of a pruned network for a few passes; weights that are zero stay zero.

    Args:
        network: it is left in eval mode.
        epochs: the batches of each pass.
        loss: runs the network on a batch and gives its loss.
        lr: the rate, for AdamW without decay.
    """
    parameters = list(network.parameters())
    for parameter in parameters:
        parameter.requires_grad_()
    masks = [(parameter, parameter != 0) for parameter in parameters if parameter.ndim > 1]
    optimizer = torch.optim.AdamW(parameters, lr=lr, weight_decay=0.0)
    network.train()
    for batches in epochs:
        for batch in batches:
            optimizer.zero_grad(set_to_none=True)
            loss(batch).backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            with torch.no_grad():
                for parameter, mask in masks:
                    parameter.mul_(mask)
    network.eval()


def _count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
