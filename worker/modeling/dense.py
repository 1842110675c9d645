"""Assembling networks that look at every place: backbone, head, and the weights of both."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from worker.contract.bases import PinnedBase
from worker.contract.failures import FailureCode, RunError
from worker.contract.plan import Plan
from worker.contract.recipe import Head, Stem
from worker.modeling.backbones import (
    OWN_LIBRARY,
    BackboneSpec,
    divide_with_head,
    load_backbone,
    spec_of,
)
from worker.modeling.detector import BoxHead, Detector
from worker.modeling.groups import HEAD, Group
from worker.modeling.network import Network
from worker.modeling.segmenter import MaskHead, Segmenter
from worker.modeling.weights import load_weights, read_weights

Kind = Literal["detector", "segmenter"]
WIDTH = 64
# What a place says at first of every class: nothing is there, or nearly so.
_FIRST_SCORE = -4.6


class _Shape(NamedTuple):
    strides: tuple[int, ...]
    build: Callable[[nn.Module, BackboneSpec, int], nn.Module]


def _detector(backbone: nn.Module, spec: BackboneSpec, count: int) -> nn.Module:
    head = BoxHead(list(spec.channels), list(spec.strides), count, WIDTH)
    assert head.classes.bias is not None  # noqa: S101 - a plain convolution has one
    nn.init.constant_(head.classes.bias, _FIRST_SCORE)
    return Detector(backbone, head)


def _segmenter(backbone: nn.Module, spec: BackboneSpec, count: int) -> nn.Module:
    return Segmenter(backbone, MaskHead(list(spec.channels), spec.strides[0], count, WIDTH))


_SHAPES: dict[Kind, _Shape] = {
    "detector": _Shape((8, 16, 32), _detector),
    "segmenter": _Shape((2, 4, 8, 16, 32), _segmenter),
}


def build_dense(plan: Plan, kind: Kind, weights: Path | None) -> tuple[Network, BackboneSpec]:
    """Return the network a plan starts from, and what its backbone is.

    A base of the same kind gives its head too, all but the layer that names the classes where
    these differ; of any other base the backbone alone is used.

    Raises:
        RunError: the weights are missing or do not fit, or the base gives no maps.
    """
    torch.manual_seed(plan.recipe.reproducibility.seed)
    base, shape = plan.base, _SHAPES[kind]
    is_own = base.library == OWN_LIBRARY
    same_kind = is_own and base.architecture == kind
    if is_own and not same_kind and base.config.get("backbone") is not None:
        raise RunError(
            FailureCode.BASE_INVALID, f"{base.repo} is a {base.architecture}, not a {kind}."
        )
    _check_head(plan, same_kind=same_kind)
    spec = spec_of(base, shape.strides)
    backbone = spec.build()
    module = shape.build(backbone, spec, len(plan.classes))
    if base.weights == "pretrained":
        if is_own:
            _load_own(module, plan, weights)
        else:
            load_backbone(backbone, spec, base, weights)
    head = tuple(name for name, _ in module.named_parameters() if name.startswith(f"{HEAD}."))
    groups = [*divide_with_head(backbone), Group(HEAD, head)]
    return Network(module, HEAD, groups, Head(), Stem(), []), spec


def _check_head(plan: Plan, *, same_kind: bool) -> None:
    asked = plan.recipe.model.head.type
    if asked in {"linear", "mlp"}:
        raise RunError(
            FailureCode.RECIPE_INVALID,
            f"model.head.type: {plan.recipe.task} has a head of its own; take auto or keep.",
        )
    if asked == "keep" and not (same_kind and plan.base.labels == plan.classes):
        raise RunError(
            FailureCode.RECIPE_INVALID,
            "model.head.type keep needs a base of the same kind with the same classes.",
        )


def _load_own(module: nn.Module, plan: Plan, path: Path | None) -> None:
    if path is None:
        raise RunError(FailureCode.BASE_NOT_FOUND, f"There are no weights for {plan.base.repo}.")
    tensors, own = read_weights(path), module.state_dict()
    keeps_classes = plan.base.labels == plan.classes
    fitting: dict[str, Tensor] = {}
    for name, mine in own.items():
        if name.startswith("head.classes.") and not keeps_classes:
            continue
        if name not in tensors or tensors[name].shape != mine.shape:
            raise RunError(FailureCode.BASE_INVALID, f"{path.name} has no {name} that fits.")
        fitting[name] = tensors[name]
    module.load_state_dict(fitting, strict=False)


def build_trained(base: PinnedBase, kind: Kind, weights: Path) -> nn.Module:
    """Return a network of ours as its repository describes it, with its own weights.

    Raises:
        RunError: it is no such network, or the weights do not fit it.
    """
    if base.library != OWN_LIBRARY or base.architecture != kind:
        raise RunError(FailureCode.BASE_INVALID, f"{base.repo} is no {kind} of this engine.")
    shape = _SHAPES[kind]
    spec = spec_of(base, shape.strides)
    module = shape.build(spec.build(), spec, base.num_classes)
    load_weights(module, read_weights(weights), weights.name)
    return module
