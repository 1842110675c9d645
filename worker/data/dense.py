"""Pictures with boxes or masks, prepared batch by batch; both move with their picture."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import ClampBoundingBoxes, SanitizeBoundingBoxes

from worker.contract.bases import Preprocessing
from worker.contract.failures import FailureCode, RunError
from worker.contract.formats.masks import IGNORED, class_image
from worker.contract.images import ImageUnreadableError, decode_image, picture_size
from worker.contract.items import Values
from worker.data.batches import Batch
from worker.data.images import MODES, read_pixels
from worker.data.letterbox import letterbox
from worker.data.pixels import Pixels, Say
from worker.data.samples import Samples

Joint = Callable[..., tuple[Tensor, Tensor]]
# Less than this of a side, in pixels, is nothing to be found.
_LEAST_SIDE = 2.0


@dataclass(frozen=True)
class Boxes:
    """Objects of one picture: x1, y1, x2, y2 in pixels, class numbers, and which are crowds."""

    boxes_M4: Tensor
    classes_M: Tensor
    crowd_M: Tensor

    def to(self, device: torch.device) -> "Boxes":
        """Return the same on a device."""
        moved = (self.boxes_M4, self.classes_M, self.crowd_M)
        return Boxes(*(tensor.to(device) for tensor in moved))


@dataclass
class Pictures:
    """The squares of a split, their names, and how large each picture was (width, height)."""

    images_NCHW: Pixels
    names: Sequence[str]
    sizes: Sequence[tuple[int, int]]


def load_pictures(samples: Samples, numbers: Preprocessing, folder: Path, say: Say) -> Pictures:
    """Return the pictures of a split, each fitted into a square.

    Raises:
        RunError: one cannot be read; it is named.
    """
    mode = MODES[numbers.interpolation]

    def decode(content: bytes) -> Tensor:
        return letterbox(decode_image(content), numbers.image_size, mode)

    images = read_pixels(samples.source, samples.facts, decode, numbers.image_size, folder, say)
    sizes = [picture_size(samples.source.read(fact.path)) for fact in samples.facts]
    return Pictures(images, samples.names, sizes)


def boxes_of_row(values: Values, classes: Mapping[str, int], scale: float) -> Boxes:
    """Return the objects of a canonical row, scaled as its picture was."""
    objects: Any = values["objects"]
    known = [part for part in objects if part["category"] in classes]
    boxes = torch.tensor([part["bbox"] for part in known], dtype=torch.float32).reshape(-1, 4)
    corners = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1) * scale
    numbers = torch.tensor([classes[part["category"]] for part in known], dtype=torch.int64)
    crowds = torch.tensor([bool(part.get("iscrowd")) for part in known], dtype=torch.bool)
    return Boxes(corners, numbers, crowds)


def load_masks(samples: Samples, side: int, num_classes: int) -> Tensor:
    """Return the class number of every pixel (N, 1, side, side); 255 belongs to none.

    Raises:
        RunError: a mask cannot be read, or holds a number that no class has.
    """
    masks = torch.empty(len(samples), 1, side, side, dtype=torch.uint8)
    kind = samples.notes.get("mask", "classes")
    for position, row in enumerate(samples.rows):
        path = str(row.values["mask"])
        try:
            picture = class_image(samples.source.read(path), kind)
        except ImageUnreadableError as error:
            raise RunError(FailureCode.DATA_INVALID, f"{path}: {error}.") from error
        mask = letterbox(picture, side, InterpolationMode.NEAREST, IGNORED)
        wrong = mask[(mask >= num_classes) & (mask != IGNORED)]
        if len(wrong):
            raise RunError(
                FailureCode.DATA_INVALID,
                f"{path} holds the number {int(wrong[0])}, and there are {num_classes} classes.",
            )
        masks[position] = mask
    return masks


@dataclass
class DenseSplit:
    """Pictures of a split, normalised on the device; what is to be found comes from subclasses."""

    pictures: Pictures
    preprocessing: Preprocessing
    transform: Joint | None
    device: torch.device

    def __post_init__(self) -> None:
        self.names = self.pictures.names
        self.labels: Tensor | None = None
        self.lengths: Tensor | None = None
        shape = (1, 3, 1, 1)
        self._mean = torch.tensor(self.preprocessing.mean, device=self.device).view(shape)
        self._std = torch.tensor(self.preprocessing.std, device=self.device).view(shape)

    def __len__(self) -> int:
        return len(self.names)

    def normal(self, images_NCHW: Tensor) -> Tensor:
        """Return pictures as the network is fed them."""
        values = images_NCHW.to(self.device, non_blocking=True).float().mul_(1 / 255)
        return values.sub_(self._mean).div_(self._std)


@dataclass
class BoxSplit(DenseSplit):
    """Pictures with boxes."""

    objects: Sequence[Boxes] = ()

    def targets(self, indices: Tensor) -> list[Boxes]:
        """Return the objects of each picture."""
        return [self.objects[int(index)].to(self.device) for index in indices]

    def take(self, indices: Tensor, *, train: bool) -> Batch:
        """Return pictures with their objects."""
        images = self.pictures.images_NCHW[indices]
        if not train or self.transform is None:
            return Batch(self.normal(images), self.targets(indices), len(indices))
        changed = [
            self._changed(image, self.objects[int(index)])
            for image, index in zip(images, indices, strict=True)
        ]
        stacked = torch.stack([image for image, _ in changed])
        found = [boxes.to(self.device) for _, boxes in changed]
        return Batch(self.normal(stacked), found, len(indices))

    def _changed(self, image: Tensor, found: Boxes) -> tuple[Tensor, Boxes]:
        assert self.transform is not None  # noqa: S101 - take() has looked
        side = (image.shape[-2], image.shape[-1])
        boxes = tv_tensors.BoundingBoxes(found.boxes_M4, format="XYXY", canvas_size=side)
        moved, boxes = self.transform(tv_tensors.Image(image), boxes)
        boxes = ClampBoundingBoxes()(boxes)
        kept = SanitizeBoundingBoxes(
            min_size=_LEAST_SIDE, labels_getter=lambda values: (values["n"],)
        )
        numbers = torch.arange(len(found.classes_M))
        values = kept({"boxes": boxes, "n": numbers})
        numbers = values["n"]
        plain = torch.as_tensor(values["boxes"]).as_subclass(Tensor)
        left = replace(
            found,
            boxes_M4=plain,
            classes_M=found.classes_M[numbers],
            crowd_M=found.crowd_M[numbers],
        )
        return moved.as_subclass(Tensor), left


@dataclass
class MaskSplit(DenseSplit):
    """Pictures with the class number of every pixel."""

    masks_N1HW: Tensor | None = None

    @property
    def _masks(self) -> Tensor:
        assert self.masks_N1HW is not None  # noqa: S101 - always given; fields after defaults need one
        return self.masks_N1HW

    def targets(self, indices: Tensor) -> Tensor:
        """Return class numbers (images, height, width)."""
        return self._masks[indices, 0].to(self.device).long()

    def take(self, indices: Tensor, *, train: bool) -> Batch:
        """Return pictures with their masks."""
        images = self.pictures.images_NCHW[indices]
        if not train or self.transform is None:
            return Batch(self.normal(images), self.targets(indices), len(indices))
        pairs = [
            # What a change uncovers is filled with 0; one higher, that is the 255 of no class.
            self.transform(tv_tensors.Image(image), tv_tensors.Mask(mask + 1))
            for image, mask in zip(images, self._masks[indices], strict=True)
        ]
        stacked = torch.stack([image.as_subclass(Tensor) for image, _ in pairs])
        masks = torch.stack([mask.as_subclass(Tensor) for _, mask in pairs])[:, 0] - 1
        return Batch(self.normal(stacked), masks.to(self.device).long(), len(indices))
