"""Decoding image files into squares that batches are cut from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from worker.contract.bases import Preprocessing
from worker.contract.failures import FailureCode, RunError
from worker.contract.images import ImageUnreadableError, decode_image
from worker.contract.inventory import FileFact
from worker.contract.sources import FileSource
from worker.data.pixels import Pixels, Say, decoded_pixels

MODES = {
    "nearest": InterpolationMode.NEAREST,
    "bilinear": InterpolationMode.BILINEAR,
    "bicubic": InterpolationMode.BICUBIC,
}
# The class number of a sample without a class.
UNKNOWN = -1


@dataclass
class ImageSet:
    """Square images as bytes with the numbers of their classes and their paths."""

    images_NCHW: Pixels
    labels_N: Tensor
    paths: list[str]

    def __len__(self) -> int:
        return len(self.paths)


@dataclass(frozen=True)
class Decoder:
    """Turns the bytes of a file into a square image of `side` pixels.

    The short side becomes `image_size / crop_pct`, then the middle is cut out: the same as the
    code on the card does.
    """

    preprocessing: Preprocessing
    side: int

    def __call__(self, content: bytes) -> Tensor:
        numbers = self.preprocessing
        picture: Image.Image = functional.resize(
            decode_image(content),
            [round(numbers.image_size / numbers.crop_pct)],
            interpolation=MODES[numbers.interpolation],
        )
        square: Tensor = functional.pil_to_tensor(functional.center_crop(picture, [self.side]))
        return square


def load_images(
    source: FileSource,
    facts: Sequence[FileFact],
    classes: Sequence[str],
    decoder: Decoder,
    folder: Path,
    say: Say,
) -> ImageSet:
    """Return the decoded images of one split.

    Args:
        source: the files.
        facts: which of them, with their classes.
        classes: all classes; a position is a class number.
        decoder: how a file becomes pixels.
        folder: where the pixels may lie when they are more than 1 GB.
        say: told where they lie then.

    Raises:
        RunError: an image cannot be read; it is named.
    """
    number = {label: index for index, label in enumerate(classes)}
    images = read_pixels(source, facts, decoder, decoder.side, folder, say)
    labels = torch.tensor([number.get(fact.label, UNKNOWN) for fact in facts], dtype=torch.int64)
    return ImageSet(images, labels, [fact.path for fact in facts])


def read_pixels(
    source: FileSource,
    facts: Sequence[FileFact],
    decode: Callable[[bytes], Tensor],
    side: int,
    folder: Path,
    say: Say,
) -> Pixels:
    """Return the squares of `side` pixels that files decode to: (N, 3, side, side).

    Raises:
        RunError: an image cannot be read; it is named.
    """

    def picture(position: int) -> Tensor:
        path = facts[position].path
        try:
            return decode(source.read(path))
        except ImageUnreadableError as error:
            raise RunError(FailureCode.DATA_INVALID, f"{path}: {error}.") from error

    return decoded_pixels(len(facts), side, picture, folder, say)
