"""Surgery on the first layers: smaller kernels and strides for small images."""

import torch
from torch import nn

from worker.contract.failures import FailureCode, RunError
from worker.contract.recipe import Stem, StemLayer
from worker.modeling.layers import Layer, Replacement


def plan_stem(network: nn.Module, stem: Stem) -> list[Replacement]:
    """Return what has to be replaced to give the network the stem of a recipe.

    Raises:
        RunError: the network has no such layer, or it is not a convolution.
    """
    return [Replacement(path, _layer(network, path, new)) for path, new in stem.replace.items()]


def _layer(network: nn.Module, path: str, new: StemLayer) -> Layer:
    try:
        old = network.get_submodule(path)
    except AttributeError as error:
        names = ", ".join(name for name, _ in network.named_children())
        raise RunError(
            FailureCode.RECIPE_INVALID,
            f"model.stem.replace: the network has no layer {path!r}; it begins with: {names}.",
        ) from error
    if new.identity:
        return Layer("Identity")
    if not isinstance(old, nn.Conv2d):
        raise RunError(
            FailureCode.RECIPE_INVALID,
            f"model.stem.replace: {path!r} is not a convolution but {type(old).__name__}.",
        )
    kernel_size = new.kernel_size or 1
    padding = kernel_size // 2 if new.padding is None else new.padding
    return Layer(
        "Conv2d",
        (
            ("in_channels", old.in_channels),
            ("out_channels", old.out_channels),
            ("kernel_size", kernel_size),
            ("stride", new.stride),
            ("padding", padding),
            ("groups", old.groups),
            ("bias", old.bias is not None),
        ),
    )


def apply_stem(network: nn.Module, replacements: list[Replacement], init: str) -> None:
    """Put the new layers in, with the centre of the old kernels where `init` asks for it."""
    for replacement in replacements:
        old = network.get_submodule(replacement.path)
        new = replacement.layer.build()
        if isinstance(new, nn.Conv2d) and isinstance(old, nn.Conv2d) and init != "random":
            _copy_center(old, new)
        network.set_submodule(replacement.path, new)


@torch.no_grad()
def _copy_center(old: nn.Conv2d, new: nn.Conv2d) -> None:
    """Copy the middle of the kernels, scaled so that activations keep their size.

    A larger new kernel keeps the old one in its middle, with zeros around it.
    """
    new.weight.zero_()
    sides = [min(o, n) for o, n in zip(old.kernel_size, new.kernel_size, strict=True)]
    source = _middle(old.weight, sides)
    _middle(new.weight, sides).copy_(source)
    # The part that is cut away carried some of the response; restore the norm of each kernel.
    before = old.weight.flatten(1).norm(dim=1)
    after = source.flatten(1).norm(dim=1).clamp_min(1e-12)
    new.weight.mul_((before / after).clamp(max=3.0)[:, None, None, None])
    if old.bias is not None and new.bias is not None:
        new.bias.copy_(old.bias)


def _middle(weight: torch.Tensor, sides: list[int]) -> torch.Tensor:
    top = (weight.shape[2] - sides[0]) // 2
    left = (weight.shape[3] - sides[1]) // 2
    return weight[:, :, top : top + sides[0], left : left + sides[1]]
