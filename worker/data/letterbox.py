"""Bringing a picture into a square without changing its shape.

The function needs torchvision alone, and it is also the code on the card.
"""

from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional


def letterbox(
    picture: Image.Image,
    size: int,
    mode: InterpolationMode = InterpolationMode.BILINEAR,
    fill: int = 114,
) -> Tensor:
    """Return the bytes of a square of `size`; the picture lies at its top left."""
    scale = size / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    resized = functional.resize(picture, [height, width], interpolation=mode)
    pixels = functional.pil_to_tensor(resized)
    padded: Tensor = functional.pad(pixels, [0, 0, size - width, size - height], fill=fill)
    return padded
