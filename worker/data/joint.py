"""Random changes that move boxes and masks together with their picture."""

from typing import cast

from worker.contract.augment import Augment
from worker.data.dense import Joint
from worker.data.transforms import training_transform


def joint_transform(augment: Augment, image_size: int) -> Joint | None:
    """Return what is done to a picture and its boxes or mask each time they train, or None.

    The doctor has seen to it that every change moves them too.

    Raises:
        RunError: an operation cannot be built with its arguments.
    """
    # What torchvision does to one picture it does to all it is given together.
    return cast("Joint | None", training_transform(augment, image_size, image_size))
