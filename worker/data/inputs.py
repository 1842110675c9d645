"""What a network is fed: images prepared batch by batch, or features computed before."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from worker.contract.plan import Preprocessing
from worker.data.images import ImageSet
from worker.data.transforms import Transform, transformed


class Inputs(Protocol):
    """Samples by index, as the part of the network that runs wants them."""

    labels_N: Tensor

    def take(self, indices: Tensor, *, train: bool) -> Tensor:
        """Return the samples; random changes are made only for training."""


@dataclass
class ImageInputs:
    """Images, changed at random for training, normalised on the device."""

    images: ImageSet
    preprocessing: Preprocessing
    transform: Transform | None
    device: torch.device
    channels_last: bool = False

    def __post_init__(self) -> None:
        self.labels_N = self.images.labels_N.to(self.device)
        shape = (1, 3, 1, 1)
        self._mean = torch.tensor(self.preprocessing.mean, device=self.device).view(shape)
        self._std = torch.tensor(self.preprocessing.std, device=self.device).view(shape)

    def take(self, indices: Tensor, *, train: bool) -> Tensor:
        """Return normalised images of the network's size."""
        picked = self.images.images_NCHW[indices]
        if train and self.transform is not None:
            picked = transformed(picked, self.transform)
        size = self.preprocessing.image_size
        if picked.shape[-1] != size:
            edge = round((picked.shape[-1] - size) / 2)
            picked = picked[:, :, edge : edge + size, edge : edge + size]
        values = picked.to(self.device, non_blocking=True).float().mul_(1 / 255)
        values = values.sub_(self._mean).div_(self._std)
        if self.channels_last:
            values = values.contiguous(memory_format=torch.channels_last)
        return values


@dataclass
class FeatureInputs:
    """Outputs of the frozen part of a network, computed once."""

    features: Tensor
    labels_N: Tensor

    def take(self, indices: Tensor, *, train: bool) -> Tensor:
        """Return the features; they are the same for training and measuring."""
        del train
        return self.features[indices.to(self.features.device)]
