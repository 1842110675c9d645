"""Building empty networks by name from torchvision and timm."""

import warnings
from typing import Any

import timm
import torchvision
from timm.layers.drop import DropPath
from torch import nn
from torchvision.ops import StochasticDepth

from worker.contract.bases import PinnedBase, Preprocessing
from worker.contract.failures import FailureCode, RunError
from worker.modeling import nets

_UNSUITABLE = ("googlenet", "inception")


def build_architecture(library: str, name: str, drop_path: float | None = None) -> nn.Module:
    """Return a network with random weights and its original number of classes.

    Args:
        library: torchvision, timm or our own.
        name: what it calls the network.
        drop_path: how often a sample passes by the last block in training; else as it comes.

    Raises:
        RunError: the library does not know the name, its networks do not fit the loop, or nothing
            of this one can be passed by.
    """
    if name.startswith(_UNSUITABLE):
        raise RunError(
            FailureCode.BASE_INVALID, f"{library}/{name} has side outputs, which are not supported."
        )
    try:
        with warnings.catch_warnings():
            # Old networks warn about their slow initialisation; it is what we ask for.
            warnings.simplefilter("ignore", FutureWarning)
            network = _from_library(library, name, drop_path)
    except (ValueError, RuntimeError) as error:
        raise RunError(
            FailureCode.BASE_NOT_FOUND, f"{library} has no architecture named {name}."
        ) from error
    if drop_path is not None:
        _set_drop_path(network, f"{library}/{name}", drop_path)
    return network


def _from_library(library: str, name: str, drop_path: float | None) -> nn.Module:
    if library == nets.LIBRARY:
        return nets.classifier(name)
    network: nn.Module = (
        torchvision.models.get_model(name, weights=None)
        if library == "torchvision"
        # timm leaves the paths out of a network that never drops one.
        else _timm_network(name, drop_path)
    )
    return network


def _timm_network(name: str, drop_path: float | None) -> nn.Module:
    rate: dict[str, Any] = {"drop_path_rate": drop_path} if drop_path else {}
    try:
        network: nn.Module = timm.create_model(name, pretrained=False, **rate)
    except TypeError as error:
        raise _not_droppable(f"timm/{name}") from error
    return network


def _not_droppable(repo: str) -> RunError:
    return RunError(
        FailureCode.RECIPE_INVALID,
        f"model.drop_path: {repo} has no blocks that a sample can pass by; remove it.",
    )


def _set_drop_path(network: nn.Module, repo: str, rate: float) -> None:
    """Let a sample pass by a block the more often, the later the block comes.

    Source: Huang et al. 2016, arXiv 1603.09382.
    """
    paths = [part for part in network.modules() if isinstance(part, StochasticDepth)]
    for number, part in enumerate(paths):
        part.p = rate * number / max(1, len(paths) - 1)
    if rate and not paths and not any(isinstance(part, DropPath) for part in network.modules()):
        raise _not_droppable(repo)


def is_transformer(network: nn.Module) -> bool:
    """Return whether attention, not convolution, does the work; memory layout depends on it."""
    return any(isinstance(part, nn.MultiheadAttention | nn.LayerNorm) for part in network.modules())


def is_convolutional(network: nn.Module) -> bool:
    """Return whether convolutions of images do the work, and nothing wants another layout."""
    has_some = any(isinstance(part, nn.Conv2d) for part in network.modules())
    return has_some and not is_transformer(network)


def named_base(repo: str) -> PinnedBase | None:
    """Return the base that `torchvision/NAME` or another library's name stands for, else None.

    Raises:
        RunError: the library does not know the name.
    """
    library, _, name = repo.partition("/")
    if library == "torchvision":
        if name not in torchvision.models.list_models(module=torchvision.models):
            raise RunError(
                FailureCode.BASE_NOT_FOUND, f"torchvision has no architecture named {name}."
            )
        return PinnedBase(repo=repo, library="torchvision", architecture=name)
    if library == nets.LIBRARY:
        if name not in nets.NAMES:
            raise RunError(FailureCode.BASE_NOT_FOUND, f"There is no network {repo}.")
        return PinnedBase(repo=repo, library="tuningfork", architecture=name, num_classes=2)
    if library == "timm":
        return _timm_base(repo, name)
    return None


def _timm_base(repo: str, name: str) -> PinnedBase:
    config = timm.get_pretrained_cfg(name)
    if config is None or not timm.is_model(name.split(".", maxsplit=1)[0]):
        raise RunError(FailureCode.BASE_NOT_FOUND, f"timm has no architecture named {name}.")
    preprocessing = Preprocessing(
        mean=config.mean,
        std=config.std,
        image_size=config.input_size[-1],
        interpolation=config.interpolation or "bicubic",
        crop_pct=config.crop_pct or 0.875,
    )
    return PinnedBase(repo=repo, library="timm", architecture=name, preprocessing=preprocessing)
