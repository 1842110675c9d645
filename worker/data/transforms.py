"""Random changes of training images, built from the names in a recipe."""

from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.transforms import v2

from worker.contract.augment import Augment, AugmentOp
from worker.contract.failures import FailureCode, RunError

Transform = Callable[[Tensor], Tensor]
_FACTORIES: dict[str, Callable[..., Transform]] = {
    "RandomHorizontalFlip": v2.RandomHorizontalFlip,
    "RandomVerticalFlip": v2.RandomVerticalFlip,
    "RandomRotation": v2.RandomRotation,
    "RandomAffine": v2.RandomAffine,
    "RandomCrop": v2.RandomCrop,
    "RandomResizedCrop": v2.RandomResizedCrop,
    "ColorJitter": v2.ColorJitter,
    "RandomGrayscale": v2.RandomGrayscale,
    "GaussianBlur": v2.GaussianBlur,
    "RandomPerspective": v2.RandomPerspective,
    "RandomErasing": v2.RandomErasing,
    "RandAugment": v2.RandAugment,
    "TrivialAugmentWide": v2.TrivialAugmentWide,
}
# The middle of what a byte can say.
_GREY = 127
_DEFAULTS: dict[str, dict[str, object]] = {"RandomAffine": {"degrees": 0}}


def training_transform(augment: Augment, image_size: int, stored_size: int) -> Transform | None:
    """Return what is done to one uint8 image (channels first) each time it trains, or None.

    Args:
        augment: the block of the recipe.
        image_size: side of the result, in pixels.
        stored_size: side of what comes in; larger than the result leaves room for crops.

    Raises:
        RunError: an operation cannot be built with its arguments.
    """
    if not augment.changes_images:
        return None
    parts = _preset(augment.preset, image_size, stored_size) if not augment.ops else []
    parts += [_operation(op, image_size) for op in augment.ops]
    if augment.random_erasing:
        parts.append(v2.RandomErasing(augment.random_erasing, value=_GREY))
    chain: Transform = v2.Compose([*parts, v2.CenterCrop(image_size)])
    return chain


def _preset(name: str, image_size: int, stored_size: int) -> list[Transform]:
    padding = None if stored_size > image_size else max(1, image_size // 8)
    parts: list[Transform] = [v2.RandomCrop(image_size, padding), v2.RandomHorizontalFlip()]
    if name == "randaugment":
        parts.append(v2.RandAugment())
    if name == "trivialaugment":
        parts.append(v2.TrivialAugmentWide())
    return parts


def _operation(op: AugmentOp, image_size: int) -> Transform:
    arguments: dict[str, object] = {**_DEFAULTS.get(op.name, {}), **op.args}
    if op.name in {"RandomCrop", "RandomResizedCrop"}:
        if arguments.setdefault("size", image_size) != image_size:
            raise RunError(
                FailureCode.RECIPE_INVALID,
                f"augment.ops: {op.name} gives {arguments['size']} pixels, the network is fed "
                f"{image_size}; leave size out.",
            )
        arguments["size"] = (image_size, image_size)
    try:
        return _FACTORIES[op.name](**arguments)
    except (ValueError, TypeError) as error:
        raise RunError(FailureCode.RECIPE_INVALID, f"augment.ops: {op.name}: {error}.") from error


def transformed(images_NCHW: Tensor, transform: Transform) -> Tensor:
    """Return each image changed on its own."""
    return torch.stack([transform(image_CHW) for image_CHW in images_NCHW])
