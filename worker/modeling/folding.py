"""Batch norms that stand still, multiplied into the convolutions before them."""

from copy import copy
from typing import cast

import torch
from torch import fx, nn
from torch.nn.modules.batchnorm import BatchNorm2d
from torch.nn.utils.fusion import fuse_conv_bn_eval


@torch.no_grad()
def folded(front: fx.GraphModule) -> fx.GraphModule | None:
    """Return a front with weights of its own that computes the same up to rounding, in less time.

    None where no batch norm follows a convolution. The front must stand still in eval mode.
    """
    graph = fx.Graph()
    graph.output(graph.graph_copy(front.graph, {}))
    fast = fx.GraphModule(front, graph)
    pairs = [
        (cast("fx.Node", node.args[0]), node)
        for node in fast.graph.nodes
        if _module(fast, node, BatchNorm2d) and _is_only_input(fast, node)
    ]
    for number, (convolution, norm) in enumerate(pairs):
        before = fast.get_submodule(str(convolution.target))
        after = fast.get_submodule(str(norm.target))
        name = f"folded_{number}"
        fast.add_submodule(name, _joined(cast("nn.Conv2d", before), cast("BatchNorm2d", after)))
        convolution.target = name
        norm.replace_all_uses_with(convolution)
        fast.graph.erase_node(norm)
    if not pairs:
        return None
    fast.delete_all_unused_submodules()
    fast.recompile()
    return fast.eval()


def _joined(convolution: nn.Conv2d, norm: BatchNorm2d) -> nn.Module:
    joined: nn.Module = fuse_conv_bn_eval(convolution, norm)
    joined.requires_grad_(requires_grad=False)
    # timm's batch norms carry the activation that follows.
    after = getattr(norm, "act", None)
    return joined if after is None else nn.Sequential(joined, copy(after))


def _module(front: fx.GraphModule, node: object, kind: type[nn.Module]) -> bool:
    if not isinstance(node, fx.Node) or node.op != "call_module":
        return False
    return isinstance(front.get_submodule(str(node.target)), kind)


def _is_only_input(front: fx.GraphModule, node: fx.Node) -> bool:
    before = node.args[0]
    return _module(front, before, nn.Conv2d) and len(cast("fx.Node", before).users) == 1
