"""What a task gives to the one training loop, which knows none of them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from worker.contract.manifest import Result, SplitMetrics
from worker.contract.plan import Plan
from worker.contract.tasks import MEASURES, TASKS
from worker.data.batches import Batch, Meter, Split
from worker.data.samples import Samples
from worker.data.unlabeled import Unlabeled
from worker.modeling.network import Network


@dataclass(frozen=True)
class Setting:
    """Where and for what a task works.

    `base` is the folder of the base model, if it has one; `shelf` holds features of earlier runs.
    """

    plan: Plan
    device: torch.device
    cache: Path
    base: Path | None = None
    weights: Path | None = None
    shelf: Path | None = None


@dataclass
class ModelFiles:
    """What a task adds to the repository of its result.

    `texts` and `jsons` are files by name; `snippet` is the Python that loads and runs the model.
    """

    snippet: str
    jsons: dict[str, dict[str, JsonValue]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


class Task(ABC):
    """One task of the plan, from samples to measures."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.plan = setting.plan
        # What `load` finds besides the splits, for learning without labels.
        self.unlabeled: Unlabeled | None = None
        # How much each training sample counts, where a column of the data says it.
        self.weights_N: Tensor | None = None
        # Lines for the log that are known once the data are loaded.
        self.notes: list[str] = []

    @abstractmethod
    def build(self) -> Network:
        """Return the network the plan starts from.

        Raises:
            RunError: weights are missing or do not fit, or the surgery is not possible.
        """

    @abstractmethod
    def load(self, samples: Mapping[str, Samples]) -> dict[str, Split]:
        """Return the splits, ready to be fed; `train` and `validation` are always there.

        Raises:
            RunError: a sample cannot be read; it is named.
        """

    @abstractmethod
    def loss(self, output: Any, batch: Batch) -> Tensor:
        """Return the mean loss of a batch, in nats, on fp32 numbers."""

    def weighed(self, batch: Batch, indices: Tensor) -> Batch:
        """Return a training batch with the weights of its samples, where they have some."""
        if self.weights_N is None:
            return batch
        weights_B = self.weights_N[indices.to(self.weights_N.device)]
        return replace(batch, weights_B=weights_B.to(self.setting.device))

    def weight(self, batch: Batch) -> float:
        """Return how much the loss of a batch is a mean over: samples, tokens, or pixels.

        Means of parts weighed by it give the mean of the whole: parts may be other processes'.
        """
        return float(batch.size)

    @abstractmethod
    def meter(self, split: Split) -> Meter:
        """Return a fresh meter for a split."""

    @abstractmethod
    def files(self, network: Network, result: Result) -> ModelFiles:
        """Return what rebuilds and runs the trained network."""

    def look(self, samples: Mapping[str, Samples]) -> None:
        """Learn what the network's shape depends on, such as characters, before `build`."""
        del samples

    def close(self, network: Network) -> None:
        """Take out of a trained network what only training needed."""
        del network

    def stepper(self, precision: Any) -> Any:
        """Return what makes the updates in place of the loop's own `Stepper`; None for that one.

        It has the same method `step`. Where batches are not what is learned from, as with agents,
        this is all the loop needs to be told.
        """
        del precision

    def forward(self, module: nn.Module, inputs: Any) -> Any:
        """Run the network, or its part behind cached features, on the inputs of a batch."""
        return module(**inputs) if isinstance(inputs, dict) else module(inputs)

    def hits(self, output: Any, batch: Batch) -> tuple[float, int] | None:
        """Return (sum, count) of the headline measure on a training batch, or None."""
        del output, batch
        return None

    def summary(self, metrics: SplitMetrics) -> str:
        """Return one sentence for the card: what the model does and how well."""
        spec = TASKS[self.plan.recipe.task]
        measure = MEASURES[metrics.metric]
        shown = f"{metrics.value:.2%}" if measure.is_share else f"{metrics.value:.4g}"
        base = self.plan.base
        return (
            f"`{base.library}/{base.architecture}` fine-tuned for {spec.title.lower()}. "
            f"{measure.title} **{shown}** on {metrics.size} samples."
        )
