"""Finding the head of a network and giving it a new one, inside the network's own structure."""

import torch
from torch import nn

from worker.contract.failures import FailureCode, RunError
from worker.contract.recipe import Head
from worker.modeling.layers import Layer, Replacement

_TORCHVISION_NAMES = ("fc", "classifier", "heads", "head")


def last_linear_path(network: nn.Module) -> str:
    """Return the dotted path of the layer that gives the class scores.

    Raises:
        RunError: the network does not end in a linear layer.
    """
    container = _container_path(network)
    module = network.get_submodule(container)
    if isinstance(module, nn.Linear):
        return container
    inner = [name for name, part in module.named_modules() if isinstance(part, nn.Linear)]
    if not inner:
        raise RunError(
            FailureCode.BASE_INVALID, "The network does not end in a linear layer; choose another."
        )
    return f"{container}.{inner[-1]}"


def head_path(network: nn.Module) -> str:
    """Return the path of the module that counts as the head.

    That is the last linear layer with the dropout around it, where nothing else is trained there.
    """
    container = _container_path(network)
    module = network.get_submodule(container)
    holders = [part for part in module.modules() if list(part.parameters(recurse=False))]
    return container if len(holders) == 1 else last_linear_path(network)


def _container_path(network: nn.Module) -> str:
    config = getattr(network, "default_cfg", None)
    if isinstance(config, dict) and isinstance(config.get("classifier"), str):
        return str(config["classifier"])
    for name in _TORCHVISION_NAMES:
        if isinstance(getattr(network, name, None), nn.Module):
            return name
    raise RunError(
        FailureCode.BASE_INVALID, "The network has no head that is known; choose another."
    )


def plan_head(
    network: nn.Module, head: Head, num_classes: int, image_size: int
) -> list[Replacement]:
    """Return what has to be replaced to give the network a head for `num_classes`.

    Raises:
        RunError: the network cannot have such a head.
    """
    if head.type in {"auto", "keep"}:
        linear = network.get_submodule(last_linear_path(network))
        assert isinstance(linear, nn.Linear)  # noqa: S101 - last_linear_path finds only these
        layer = _linear(linear.in_features, num_classes)
        if head.dropout:
            layer = Layer("Sequential", parts=(_dropout(head.dropout), layer))
        return [Replacement(last_linear_path(network), layer)]
    path = _whole_head_path(network)
    replacements = _plan_pool(network, head.pool)
    with _applied(network, [*replacements, Replacement(path, Layer("Identity"))]) as changed:
        width = _feature_width(changed, image_size)
    return [*replacements, Replacement(path, _classifier(head, width, num_classes))]


def apply(network: nn.Module, replacements: list[Replacement]) -> None:
    """Put the layers into the network, in place."""
    for replacement in replacements:
        network.set_submodule(replacement.path, replacement.layer.build())


class _applied:  # noqa: N801 - reads as a verb in a with statement
    """Replaces modules for the length of a with block, then puts the old ones back."""

    def __init__(self, network: nn.Module, replacements: list[Replacement]) -> None:
        self._network = network
        self._replacements = replacements
        self._old = {item.path: network.get_submodule(item.path) for item in replacements}

    def __enter__(self) -> nn.Module:
        apply(self._network, self._replacements)
        return self._network

    def __exit__(self, *exc: object) -> None:
        for path, module in self._old.items():
            self._network.set_submodule(path, module)


def _whole_head_path(network: nn.Module) -> str:
    """Return the path under which a linear or mlp head goes."""
    container = _container_path(network)
    module = network.get_submodule(container)
    has_norm = any(
        list(part.parameters(recurse=False)) and not isinstance(part, nn.Linear)
        for part in module.modules()
    )
    # A pretrained norm in front of the classifier (ConvNeXt) belongs to the features.
    return last_linear_path(network) if has_norm else container


def _plan_pool(network: nn.Module, pool: str) -> list[Replacement]:
    if pool == "auto":
        return []
    has_module = isinstance(getattr(network, "avgpool", None), nn.Module)
    if has_module and pool == "flatten":
        return [Replacement("avgpool", Layer("Identity"))]
    if has_module:
        return [Replacement("avgpool", Layer("AdaptiveAvgPool2d", (("output_size", 1),)))]
    if pool == "flatten":
        raise RunError(
            FailureCode.RECIPE_INVALID,
            "model.head.pool: this network averages its features itself; flatten is not possible.",
        )
    return []


def _feature_width(network: nn.Module, image_size: int) -> int:
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        features = network(torch.zeros(1, 3, image_size, image_size))
    network.train(was_training)
    return int(features.shape[1])


def _classifier(head: Head, width: int, num_classes: int) -> Layer:
    parts: list[Layer] = []
    for size in head.hidden:
        if head.dropout:
            parts.append(_dropout(head.dropout))
        parts += [_linear(width, size), Layer("ReLU")]
        width = size
    if head.dropout:
        parts.append(_dropout(head.dropout))
    parts.append(_linear(width, num_classes))
    return parts[0] if len(parts) == 1 else Layer("Sequential", parts=tuple(parts))


def _linear(inputs: int, outputs: int) -> Layer:
    return Layer("Linear", (("in_features", inputs), ("out_features", outputs)))


def _dropout(part: float) -> Layer:
    return Layer("Dropout", (("p", part),))
