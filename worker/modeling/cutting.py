"""Cutting a network in two in front of its first part that moves: what lies before is run once."""

from dataclasses import dataclass
from inspect import signature
from operator import attrgetter
from typing import Any

from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm

# What running a network with stand-ins for its numbers may end in; then it is not cut.
_UNLISTED = (
    fx.proxy.TraceError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


@dataclass
class Cut:
    """A network as two that share its weights: `tail(prefix(x))` is the network of x.

    `name` is the last operation of the prefix.
    """

    name: str
    prefix: fx.GraphModule
    tail: fx.GraphModule

    def frozen_tensors(self) -> dict[str, Any]:
        """Return everything the prefix computes with: parameters and running statistics."""
        state = self.prefix.state_dict()
        return {name: state[name] for name in sorted(state)}


def cut_network(network: nn.Module) -> Cut | None:
    """Return the network cut as late as nothing before moves, or None where that saves nothing.

    A part moves when it trains, or when its mode makes its output differ from pass to pass. Only
    networks with one input whose operations can be listed are cut, and only where a single value
    goes from one half to the other.
    """
    graph = _listed(network)
    if graph is None:
        return None
    nodes = list(graph.nodes)
    moving = next((i for i, node in enumerate(nodes) if _moves(network, node)), None)
    if moving is None:
        return None
    place = next((i for i in range(moving - 1, 0, -1) if _is_bridge(nodes, i)), None)
    if place is None or not any(node.op == "call_module" for node in nodes[: place + 1]):
        return None
    return _halves(network, nodes, place)


class _CoarseTracer(fx.Tracer):
    """Takes timm's own layers as they are: inside they ask for shapes, which a trace has not."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Return whether a module is one operation."""
        own = type(m).__module__.startswith("timm.layers")
        return own or super().is_leaf_module(m, module_qualified_name)


def _listed(network: nn.Module) -> fx.Graph | None:
    for tracer in (fx.Tracer(), _CoarseTracer()):
        try:
            graph = tracer.trace(network, _defaults(network))
        except _UNLISTED:
            continue
        _drop_unasked(graph)
        inputs = [node for node in graph.nodes if node.op == "placeholder"]
        return graph if len(inputs) == 1 else None
    return None


def _defaults(network: nn.Module) -> dict[str, Any]:
    """Return the arguments of a network that nobody gives it: they are part of what it does."""
    given = signature(network.forward).parameters.values()
    return {one.name: one.default for one in given if one.default is not one.empty}


def _drop_unasked(graph: fx.Graph) -> None:
    """Take out the stand-ins of those arguments, with the checks that they are what they are."""
    unasked = set([node for node in graph.nodes if node.op == "placeholder"][1:])
    for node in graph.nodes:
        if unasked.intersection(node.all_input_nodes):
            unasked.add(node)
    for node in reversed(list(graph.nodes)):
        if node in unasked and not node.users:
            graph.erase_node(node)


def _moves(network: nn.Module, node: fx.Node) -> bool:
    if node.op == "get_attr":
        value = attrgetter(str(node.target))(network)
        return bool(getattr(value, "requires_grad", False))
    if node.op != "call_module":
        # Written as a function, dropout carries its mode as an argument.
        return "dropout" in str(node.target) and node.kwargs.get("training", True) is not False
    part = network.get_submodule(str(node.target))
    trains = any(parameter.requires_grad for parameter in part.parameters())
    return trains or any(changes_output(inner) for inner in part.modules() if inner.training)


def changes_output(part: nn.Module) -> bool:
    """Return whether a layer in train mode does something else than in eval mode."""
    if list(part.children()):
        return False
    return isinstance(part, _BatchNorm) or "drop" in type(part).__name__.lower()


def _is_bridge(nodes: list[fx.Node], place: int) -> bool:
    """Return whether nothing but this node's value is used after it."""
    if nodes[place].op not in {"call_module", "call_function", "call_method"}:
        return False
    after = set(nodes[place + 1 :])
    return not any(
        user in after for node in nodes[:place] if node.op != "get_attr" for user in node.users
    )


def _halves(network: nn.Module, nodes: list[fx.Node], place: int) -> Cut:
    prefix, tail = fx.Graph(), fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for node in nodes[: place + 1]:
        copies[node] = prefix.node_copy(node, copies.__getitem__)
    prefix.output(copies[nodes[place]])
    copies = {nodes[place]: tail.placeholder("features")}
    for node in nodes[place + 1 :]:
        copies[node] = tail.node_copy(node, copies.__getitem__)
    return Cut(
        name=str(nodes[place].name),
        prefix=fx.GraphModule(network, prefix),
        tail=fx.GraphModule(network, tail),
    )
