"""Grad-CAM: which places of the last feature map spoke for the decision."""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

_MAP_DIMS = 4


class _Call(NamedTuple):
    """One call of a layer without parts: its path, the layer, the shape it gave."""

    path: str
    layer: nn.Module
    shape: tuple[int, ...]


def last_feature_map(network: nn.Module, inputs: Tensor) -> str | None:
    """Return the path of the layer that gives the last feature map of at least 2×2 places.

    That is the last convolution, or what follows it on the same map: its norm and activation.
    None where the last convolution lies in the first quarter of the network, as in a vision
    transformer: it cuts the picture into patches, far from the decision.
    """
    calls = _calls(network, inputs)
    trained = [call for call in calls if list(call.layer.parameters(recurse=False))]
    places = [
        place
        for place, call in enumerate(trained)
        if isinstance(call.layer, nn.Conv2d) and _is_map(call.shape)
    ]
    if not places or places[-1] < len(trained) // 4:
        return None
    start = max(place for place, call in enumerate(calls) if call is trained[places[-1]])
    found = calls[start]
    for call in calls[start + 1 :]:
        if call.shape != found.shape:
            break
        found = call
    return found.path


def _calls(network: nn.Module, inputs: Tensor) -> list[_Call]:
    calls: list[_Call] = []
    handles = [
        part.register_forward_hook(partial(_note, calls, name))
        for name, part in network.named_modules()
        if not any(part.children())
    ]
    try:
        with torch.no_grad():
            network(inputs[:1])
    finally:
        for handle in handles:
            handle.remove()
    return calls


def _note(calls: list[_Call], name: str, layer: nn.Module, _: object, output: object) -> None:
    if isinstance(output, Tensor):
        calls.append(_Call(name, layer, tuple(output.shape)))


def _is_map(shape: tuple[int, ...]) -> bool:
    return len(shape) == _MAP_DIMS and shape[2] > 1 and shape[3] > 1


def grad_cam(network: nn.Module, layer: str, inputs_NCHW: Tensor, classes_N: Tensor) -> Tensor:
    """Return for each picture a map in [0, 1] of its own size, for the class given.

    Source: Selvaraju et al. 2017, arXiv 1610.02391. All zero where nothing spoke for the class.
    """
    caught: list[Tensor] = []
    part = network.get_submodule(layer)
    handle = part.register_forward_hook(lambda _part, _inputs, output: caught.append(output))
    try:
        with torch.enable_grad():
            # Inputs ask for gradients, so that frozen networks have some too.
            scores_NC = network(inputs_NCHW.detach().requires_grad_())
            chosen_N = scores_NC.gather(1, classes_N[:, None])
            (gradient_NKHW,) = torch.autograd.grad(chosen_N.sum(), caught[-1])
    finally:
        handle.remove()
    weights_NK11 = gradient_NKHW.mean((2, 3), keepdim=True)
    map_N1HW = (weights_NK11 * caught[-1]).sum(1, keepdim=True).relu().detach()
    map_N1HW = functional.interpolate(
        map_N1HW, inputs_NCHW.shape[-2:], mode="bilinear", align_corners=False
    )
    return map_N1HW[:, 0] / map_N1HW.amax((2, 3)).clamp_min(1e-12)[:, :, None]


def likeness(first_NHW: Tensor, second_NHW: Tensor) -> float:
    """Return the mean correlation of pairs of maps; 0 for a map that is the same everywhere."""
    first, second = first_NHW.double().flatten(1), second_NHW.double().flatten(1)
    first, second = first - first.mean(1, keepdim=True), second - second.mean(1, keepdim=True)
    return float(functional.cosine_similarity(first, second, dim=1).mean())


def randomise(network: nn.Module, seed: int) -> None:
    """Give every layer new weights, in place: what such a network shows is not learned."""
    torch.manual_seed(seed)
    for part in network.modules():
        reset = getattr(part, "reset_parameters", None)
        if callable(reset):
            reset()
