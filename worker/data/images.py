"""Decoding every image once, into one block of bytes that batches are cut from."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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

# A set larger than this lies in a file that the system pages in and out.
MEMORY_LIMIT_BYTES = 1024**3
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

    images_NCHW: Tensor
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
    spill: Path,
) -> ImageSet:
    """Return the decoded images of one split.

    Args:
        source: the files.
        facts: which of them, with their classes.
        classes: all classes; a position is a class number.
        decoder: how a file becomes pixels.
        spill: a file that takes the pixels when they are more than 1 GB.

    Raises:
        RunError: an image cannot be read; it is named.
    """
    number = {label: index for index, label in enumerate(classes)}
    images = read_pixels(source, facts, decoder, decoder.side, spill)
    labels = torch.tensor([number.get(fact.label, UNKNOWN) for fact in facts], dtype=torch.int64)
    return ImageSet(images, labels, [fact.path for fact in facts])


def read_pixels(
    source: FileSource,
    facts: Sequence[FileFact],
    decode: Callable[[bytes], Tensor],
    side: int,
    spill: Path,
) -> Tensor:
    """Return the squares of `side` pixels that files decode to, as one block (N, 3, side, side).

    Raises:
        RunError: an image cannot be read; it is named.
    """
    images = _block(len(facts), side, spill)

    def fill(position: int) -> None:
        path = facts[position].path
        try:
            images[position] = decode(source.read(path))
        except ImageUnreadableError as error:
            raise RunError(FailureCode.DATA_INVALID, f"{path}: {error}.") from error

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for _ in pool.map(fill, range(len(facts))):
            pass
    return images


def _block(count: int, side: int, spill: Path) -> Tensor:
    size = count * 3 * side * side
    if size <= MEMORY_LIMIT_BYTES:
        return torch.empty(count, 3, side, side, dtype=torch.uint8)
    spill.parent.mkdir(parents=True, exist_ok=True)
    flat = torch.from_file(str(spill), shared=True, size=size, dtype=torch.uint8)
    # The open mapping keeps the space; the name may go at once, so nothing is left behind.
    spill.unlink()
    return flat.view(count, 3, side, side)


def measure_colors(images_NCHW: Tensor) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation of each colour, for values from 0 to 1."""
    total = torch.zeros(3, dtype=torch.float64)
    squares = torch.zeros(3, dtype=torch.float64)
    count = 0
    for part in images_NCHW.split(256):
        values = part.to(torch.float64) / 255
        total += values.sum(dim=(0, 2, 3))
        squares += values.square().sum(dim=(0, 2, 3))
        count += values.shape[0] * values.shape[2] * values.shape[3]
    mean = total / count
    deviation = (squares / count - mean.square()).clamp_min(1e-6).sqrt()
    return mean.tolist(), deviation.tolist()
