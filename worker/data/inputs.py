"""Images prepared batch by batch."""

from dataclasses import dataclass

import torch
from torch import Tensor

from worker.contract.bases import Preprocessing
from worker.data.batches import Batch
from worker.data.images import ImageSet
from worker.data.transforms import Transform, transformed


@dataclass
class ImageSplit:
    """Images, changed at random for training, normalised on the device."""

    images: ImageSet
    preprocessing: Preprocessing
    transform: Transform | None
    device: torch.device

    def __post_init__(self) -> None:
        self.names = self.images.paths
        self.labels_N = self.images.labels_N.to(self.device)
        self.labels: Tensor | None = self.labels_N
        self.lengths: Tensor | None = None
        shape = (1, 3, 1, 1)
        self._mean = torch.tensor(self.preprocessing.mean, device=self.device).view(shape)
        self._std = torch.tensor(self.preprocessing.std, device=self.device).view(shape)

    def __len__(self) -> int:
        return len(self.names)

    def targets(self, indices: Tensor) -> Tensor:
        """Return class numbers."""
        return self.labels_N[indices.to(self.device)]

    def take(self, indices: Tensor, *, train: bool) -> Batch:
        """Return normalised images of the network's size, with their class numbers."""
        return Batch(self._pictures(indices, train=train), self.targets(indices), len(indices))

    def _pictures(self, indices: Tensor, *, train: bool) -> Tensor:
        picked = self.images.images_NCHW[indices]
        if train and self.transform is not None:
            picked = transformed(picked, self.transform)
        size = self.preprocessing.image_size
        if picked.shape[-1] != size:
            edge = round((picked.shape[-1] - size) / 2)
            picked = picked[:, :, edge : edge + size, edge : edge + size]
        values = picked.to(self.device, non_blocking=True).float().mul_(1 / 255)
        return values.sub_(self._mean).div_(self._std)
