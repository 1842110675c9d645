"""What a frozen front of a network makes of each sample: computed once for a stage's every pass."""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from worker.contract.stages import Stage
from worker.data.batches import FeatureSplit, Split
from worker.evaluation.predict import Predictor, evaluating
from worker.modeling.cutting import Cut, changes_output, cut_network
from worker.modeling.network import Network

# Features up to this size stay in memory, larger ones in a file that is mapped.
MEMORY_LIMIT_BYTES = 2 * 1024**3
FILE_LIMIT_BYTES = 16 * 1024**3


@dataclass
class FeatureCache:
    """Features of the two splits, and what runs on them.

    They stay true as long as the front computes the same; `key` says what it computes with.
    """

    key: str
    tail: nn.Module
    train: FeatureSplit
    validation: FeatureSplit

    @property
    def are_vectors(self) -> bool:
        """Whether a sample is one vector, as in front of a linear head."""
        return self.train.features.dim() == 2  # noqa: PLR2004 - samples by numbers


class FeatureMaker:
    """Makes the features of stages; those of the stage before are used again where they hold."""

    def __init__(
        self, network: Network, predictor: Predictor, train: Split, validation: Split, folder: Path
    ) -> None:
        self._network = network
        self._predictor = predictor
        self._splits = (train, validation)
        self._folder = folder
        self.last: FeatureCache | None = None

    def for_stage(self, stage: Stage, *, augmented: bool, num_samples: int) -> FeatureCache | None:
        """Return the features of a stage whose freezing is set; None where each pass is needed.

        Args:
            stage: the stage.
            augmented: whether samples differ from pass to pass.
            num_samples: how many training samples the stage will look at in all.
        """
        if stage.cache_features == "off" or augmented or num_samples < len(self._splits[0]):
            self.last = None
            return None
        cut = cut_network(self._network.module)
        if cut is None:
            self.last = self._in_front_of_head()
            return self.last
        key = f"{cut.name}-{_digest(cut.frozen_tensors())}"
        if self.last is None or self.last.key != key:
            self.last = self._computed(cut, key)
        else:
            # The same front, but what trains behind it is listed anew: modes are part of the list.
            self.last.tail = cut.tail
        return self.last

    def _computed(self, cut: Cut, key: str) -> FeatureCache | None:
        train, validation = (self._features(cut, split) for split in self._splits)
        if train is None or validation is None:
            return None
        return FeatureCache(key, cut.tail, train, validation)

    @torch.no_grad()
    def _features(self, cut: Cut, split: Split) -> FeatureSplit | None:
        """Return the front's output of every sample, or None where it is not what it should be."""
        store: Tensor | None = None
        done = 0
        with evaluating(cut.prefix), evaluating(self._network.module):
            for indices in self._predictor.batches(split):
                inputs = split.take(indices, train=False).inputs
                with self._predictor.autocast():
                    part = cut.prefix(inputs)
                    if store is None and not _same(cut.tail(part), self._network.module(inputs)):
                        return None
                if store is None:
                    store = _room(len(split), part, self._folder)
                if store is None:
                    return None
                store[done : done + len(part)] = part
                done += len(part)
        return None if store is None else FeatureSplit(store, split, part.device)

    def _in_front_of_head(self) -> FeatureCache | None:
        """Return what the head is given, of a network whose operations cannot be listed."""
        if not is_only_head(self._network):
            return None
        module, head = self._network.module, self._network.head_module
        train, validation = (
            self._predictor.head_inputs(module, head, split) for split in self._splits
        )
        if train is None or validation is None:
            return None
        return FeatureCache("head", head, train, validation)


def is_only_head(network: Network) -> bool:
    """Return whether nothing in front of the head moves."""
    prefix = f"{network.head_path}."
    body = [(n, p) for n, p in network.module.named_parameters() if not n.startswith(prefix)]
    if any(parameter.requires_grad for _, parameter in body):
        return False
    head = set(network.head_module.modules())
    moving = (part for part in network.module.modules() if part not in head and part.training)
    return not any(changes_output(part) for part in moving)


def _same(one: Any, other: Any) -> bool:
    if not isinstance(one, Tensor) or not isinstance(other, Tensor) or one.shape != other.shape:
        return False
    return torch.equal(one, other)


def _room(count: int, part: Tensor, folder: Path) -> Tensor | None:
    """Return room for the features of `count` samples like those of a part, or None."""
    shape = (count, *part.shape[1:])
    size = count * part[0].numel() * part.element_size()
    if size <= MEMORY_LIMIT_BYTES:
        return torch.empty(shape, dtype=part.dtype)
    if size > FILE_LIMIT_BYTES:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        # The open mapping keeps the space when the name is gone.
        flat = torch.from_file(
            file.name, shared=True, size=count * part[0].numel(), dtype=part.dtype
        )
    return flat.view(shape)


def _digest(tensors: dict[str, Any]) -> str:
    """Return what a front computes with as one number: equal fronts give equal features."""
    found = hashlib.blake2b(digest_size=16)
    for name, tensor in tensors.items():
        found.update(name.encode())
        found.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
