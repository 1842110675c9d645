"""Pictures without a class: each is seen twice, changed a little and changed strongly."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms import v2

from worker.contract.bases import Preprocessing
from worker.data.images import ImageSet
from worker.data.inputs import ImageSplit
from worker.data.transforms import Transform


@dataclass
class Unlabeled:
    """The pictures of a split whose classes are not known, or not used."""

    weak: ImageSplit
    strong: ImageSplit

    def __len__(self) -> int:
        return len(self.weak)

    def views(self, count: int) -> tuple[Tensor, Tensor]:
        """Return so many pictures, drawn at random, as (slightly, strongly) changed ones."""
        indices = torch.randint(len(self.weak), (count,))
        slightly: Tensor = self.weak.take(indices, train=True).inputs
        strongly: Tensor = self.strong.take(indices, train=True).inputs
        return slightly, strongly


def unlabeled_views(
    images: ImageSet, numbers: Preprocessing, weak: Transform | None, device: torch.device
) -> Unlabeled:
    """Return the views of pictures.

    Args:
        images: the pictures.
        numbers: how they are prepared.
        weak: the recipe's own changes; a crop and a flip if it has none.
        device: where batches go.
    """
    size = numbers.image_size
    stored = images.images_NCHW.shape[-1]
    slight = weak or _slight(size, stored)
    erased = max(1, size // 4)
    # Source of the strong changes: Sohn et al. 2020, arXiv 2001.07685, with RandAugment and a hole.
    strong = v2.Compose([slight, v2.RandAugment(num_ops=2, magnitude=10), _Hole(erased)])
    return Unlabeled(
        ImageSplit(images, numbers, slight, device), ImageSplit(images, numbers, strong, device)
    )


def _slight(size: int, stored: int) -> Transform:
    padding = None if stored > size else max(1, size // 8)
    chain: Transform = v2.Compose(
        [v2.RandomCrop(size, padding, padding_mode="reflect"), v2.RandomHorizontalFlip()]
    )
    return chain


class _Hole:
    """A grey square at a random place."""

    def __init__(self, side: int) -> None:
        self._side = side

    def __call__(self, image_CHW: Tensor) -> Tensor:
        height, width = image_CHW.shape[-2:]
        top = int(torch.randint(max(1, height - self._side + 1), ()))
        left = int(torch.randint(max(1, width - self._side + 1), ()))
        result = image_CHW.clone()
        result[..., top : top + self._side, left : left + self._side] = 127
        return result
