"""Feature maps of a pretrained network at several scales, for heads that look at every place."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import timm
import torch
from pydantic import Field, JsonValue, ValidationError
from torch import Tensor, nn
from torchvision.models.feature_extraction import create_feature_extractor

from worker.contract.base import Wire
from worker.contract.bases import PinnedBase
from worker.contract.failures import FailureCode, RunError
from worker.modeling.architectures import build_architecture
from worker.modeling.groups import Group, divide
from worker.modeling.network import build_base
from worker.modeling.weights import load_weights, read_weights

OWN_LIBRARY = "tuningfork"
# Maps are looked for on a picture of this side.
_PROBE_SIDE = 128
_FEWEST_MAPS = 2
_CONTAINERS = ("features", "blocks", "stages", "layers", "trunk_output")


class BackboneSpec(Wire):
    """A network of a library, and which of its maps are used, from fine to coarse.

    `nodes` are layers of torchvision's network, `indices` are timm's own numbers of the maps.
    """

    library: str
    architecture: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    nodes: tuple[str, ...] = ()
    indices: tuple[int, ...] = ()
    strides: tuple[int, ...]
    channels: tuple[int, ...]

    def build(self) -> nn.Module:
        """Return the network that gives the maps, with random weights."""
        if self.library == "timm":
            network: nn.Module = timm.create_model(
                self.architecture, pretrained=False, features_only=True, out_indices=self.indices
            )
            return network
        return self.cut(build_architecture(self.library, self.architecture))

    def cut(self, network: nn.Module) -> nn.Module:
        """Return what gives the maps of a network of torchvision; it shares the weights."""
        nodes = {name: str(number) for number, name in enumerate(self.nodes)}
        extractor: nn.Module = create_feature_extractor(network, nodes)
        return extractor

    def code(self) -> str:
        """Return the Python that builds it."""
        if self.library == "timm":
            return (
                f'timm.create_model("{self.architecture}", pretrained=False, features_only=True, '
                f"out_indices={list(self.indices)})"
            )
        nodes = {name: str(number) for number, name in enumerate(self.nodes)}
        model = f'torchvision.models.get_model("{self.architecture}", weights=None)'
        return f"create_feature_extractor(\n    {model},\n    {nodes},\n)"


def spec_of(base: PinnedBase, wanted: Sequence[int]) -> BackboneSpec:
    """Return which maps of a base can be used.

    Args:
        base: a network of torchvision or timm, or one of ours on such a network.
        wanted: the strides to use, in pixels; those that a network lacks are left out.

    Raises:
        RunError: the network has no such maps.
    """
    if base.library == OWN_LIBRARY:
        return _own_spec(base)
    if base.stem.replace:
        raise RunError(
            FailureCode.BASE_INVALID,
            f"{base.repo} has a changed stem, which this task cannot use; choose another base.",
        )
    spec = _timm_spec(base, wanted) if base.library == "timm" else _torchvision_spec(base, wanted)
    if len(set(spec.strides)) < _FEWEST_MAPS or len(set(spec.strides)) < len(spec.strides):
        raise RunError(
            FailureCode.BASE_INVALID,
            f"{base.repo} has no feature maps at several scales; choose a convolutional network.",
        )
    return spec


def _own_spec(base: PinnedBase) -> BackboneSpec:
    try:
        return BackboneSpec.model_validate(base.config.get("backbone"))
    except ValidationError as error:
        raise RunError(
            FailureCode.BASE_INVALID, f"The config.json of {base.repo} names no backbone to build."
        ) from error


def _timm_spec(base: PinnedBase, wanted: Sequence[int]) -> BackboneSpec:
    try:
        network = timm.create_model(base.architecture, pretrained=False, features_only=True)
    except (RuntimeError, AttributeError, AssertionError) as error:
        raise RunError(
            FailureCode.BASE_INVALID, f"{base.repo} gives no feature maps: {error}."
        ) from error
    info: Any = network.feature_info
    found = [
        (index, stride, width)
        for index, (stride, width) in enumerate(zip(info.reduction(), info.channels(), strict=True))
        if stride in wanted
    ]
    return BackboneSpec(
        library=base.library,
        architecture=base.architecture,
        indices=tuple(index for index, _, _ in found),
        strides=tuple(stride for _, stride, _ in found),
        channels=tuple(width for _, _, width in found),
    )


def _torchvision_spec(base: PinnedBase, wanted: Sequence[int]) -> BackboneSpec:
    network = build_architecture(base.library, base.architecture)
    last: dict[int, tuple[str, int]] = {}

    def note(name: str, output: object) -> None:
        if isinstance(output, Tensor) and output.dim() == 4:  # noqa: PLR2004 - NCHW
            height, width = output.shape[-2:]
            if height == width and _PROBE_SIDE % height == 0:
                last[_PROBE_SIDE // height] = (name, output.shape[1])

    handles = [
        part.register_forward_hook(lambda _p, _i, output, name=name: note(name, output))
        for name, part in _blocks(network)
    ]
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, 3, _PROBE_SIDE, _PROBE_SIDE))
    except AssertionError:
        # A network for pictures of one size only; it has no maps at several scales.
        last.clear()
    for handle in handles:
        handle.remove()
    strides = [stride for stride in sorted(wanted) if stride in last]
    return BackboneSpec(
        library=base.library,
        architecture=base.architecture,
        nodes=tuple(last[stride][0] for stride in strides),
        strides=tuple(strides),
        channels=tuple(last[stride][1] for stride in strides),
    )


def _blocks(network: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return the blocks of a network, not what they are made of, pooling of the end left out."""
    found = []
    for name, part in network.named_children():
        if name in _CONTAINERS:
            found += [(f"{name}.{inner}", block) for inner, block in part.named_children()]
        elif name != "avgpool":
            found.append((name, part))
    return found


def load_backbone(
    backbone: nn.Module, spec: BackboneSpec, base: PinnedBase, weights: Path | None
) -> None:
    """Put the weights of a plain base into its backbone.

    Raises:
        RunError: they are missing or do not fit.
    """
    if weights is None:
        raise RunError(FailureCode.BASE_NOT_FOUND, f"There are no weights for {base.repo}.")
    network, _ = build_base(base)
    load_weights(network, read_weights(weights), weights.name)
    full = {_plain(name): tensor for name, tensor in network.state_dict().items()}
    own = backbone.state_dict()
    fitting = {name: full.get(_plain(name)) for name in own}
    wrong = [
        name
        for name, tensor in fitting.items()
        if tensor is None or tensor.shape != own[name].shape
    ]
    if wrong:
        raise RunError(
            FailureCode.BASE_INVALID,
            f"{weights.name} has no {wrong[0]} for the maps of {spec.architecture}.",
        )
    backbone.load_state_dict(cast("Mapping[str, Tensor]", fitting))


def _plain(name: str) -> str:
    """Return a name as it is whether or not timm has flattened or wrapped the network."""
    return re.sub(r"[._]+", "_", name).removeprefix("model_")


def divide_with_head(backbone: nn.Module) -> list[Group]:
    """Return the groups of `backbone.…` from the stem on; the group of the head is not there."""
    groups = divide(backbone, "\0")[:-1]
    return [
        Group(group.name, tuple(f"backbone.{name}" for name in group.names)) for group in groups
    ]


def own_config(spec: BackboneSpec) -> dict[str, JsonValue]:
    """Return what config.json says of a backbone."""
    value: dict[str, JsonValue] = spec.model_dump(mode="json", exclude_defaults=True)
    return value
