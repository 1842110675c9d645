"""What the picture tutorials share: networks by name with a new last layer, folders of pictures."""

import warnings
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder

from bench.train.jobs import Job


def network(name: str, weights: str) -> nn.Module:
    """Return an architecture of torchvision or timm, with the weights of a file if there is one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name in torchvision.models.list_models(module=torchvision.models):
            model = torchvision.models.get_model(name, weights=None)
        else:
            import timm

            model = timm.create_model(name)
    if weights:
        _load(model, weights)
    return model


def _load(model: nn.Module, weights: str) -> None:
    if weights.endswith(".safetensors"):
        from safetensors.torch import load_file

        state: Any = load_file(weights)
    else:
        state = torch.load(weights, weights_only=True)
    own = model.state_dict()
    if state.keys() != own.keys():  # another library's names in the same order
        state = dict(zip(own, state.values(), strict=True))
    model.load_state_dict(state)


def new_head(model: nn.Module, classes: int) -> nn.Module:
    """Give a network a new last layer, and return it."""
    for name in ("fc", "classifier"):
        part = getattr(model, name, None)
        if isinstance(part, nn.Sequential):
            part[-1] = nn.Linear(part[-1].in_features, classes)
            return part[-1]
        if isinstance(part, nn.Linear):
            head = nn.Linear(part.in_features, classes)
            setattr(model, name, head)
            return head
    raise SystemExit(f"{type(model).__name__} has no head that is known.")


def loader(job: Job, split: str, transform: Any) -> DataLoader[Any]:
    """Return the batches of a split, in random order where it is for training."""
    folder = ImageFolder(job.folder / split, transform)
    return DataLoader(folder, batch_size=job.batch, shuffle=split == "train")


def num_classes(job: Job) -> int:
    """Return how many class folders there are."""
    return sum(path.is_dir() for path in Path(job.folder / "train").iterdir())
