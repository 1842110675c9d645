"""A trained network with everything that is needed to judge it, write it down and explain it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from worker.contract.manifest import SplitMetrics
from worker.contract.plan import Plan
from worker.contract.tasks import MEASURES
from worker.data.batches import Batch, Split
from worker.data.samples import Samples
from worker.evaluation.predict import Predictor, evaluating
from worker.modeling.network import Network
from worker.task import Task

IMAGE_INPUT = "pixel_values"


def class_scores(output: Any) -> Tensor:
    """Return the scores in what a network gives: a tensor, or an object that has them."""
    scores: Tensor = getattr(output, "logits", output)
    return scores


@dataclass
class Finished:
    """What is left when training has ended.

    `split_name` is the split the headline is measured on; `measured` holds every split's measures.
    `samples` say what each sample of a split is;
    `base_features` are what the head was given, by split, where only the head was trained.
    `judged` gives the scores, and on which splits: the network, or its trained part on features.
    `seconds` is what training took; `say` tells people a line; `folder` is the result's.
    """

    plan: Plan
    task: Task
    network: Network
    splits: dict[str, Split]
    samples: dict[str, Samples]
    measured: dict[str, SplitMetrics]
    split_name: str
    predictor: Predictor
    folder: Path
    seconds: float
    say: Callable[[str], None]
    judged: tuple[nn.Module, Mapping[str, Split]]
    base_features: dict[str, Tensor] = field(default_factory=dict)
    _scores: dict[str, Tensor] = field(default_factory=dict)

    @property
    def module(self) -> nn.Module:
        """The trained network itself."""
        return self.network.module

    @property
    def split(self) -> Split:
        """The split that counts."""
        return self.splits[self.split_name]

    @property
    def headline(self) -> SplitMetrics:
        """What was measured on the split that counts."""
        return self.measured[self.split_name]

    def labels(self, name: str) -> Tensor:
        """Return the class numbers of a split, on the CPU."""
        labels_N = self.splits[name].labels
        assert labels_N is not None  # noqa: S101 - only tasks with a class for each sample come here
        return labels_N.cpu()

    def batches(self, name: str, count: int | None = None, size: int = 32) -> Iterator[Batch]:
        """Yield the samples of a split in order, without random changes; `count` of them at most.

        Where only some are taken they lie evenly over the split, for splits sorted by class.
        """
        split = self.splits[name]
        total = len(split)
        wanted = min(total, count or total)
        for places in (torch.arange(wanted) * total // wanted).split(size):
            self.predictor.tick()
            yield split.take(places, train=False)

    def scores(self, name: str) -> Tensor:
        """Return the class scores of every sample of a split; they are computed once."""
        if name not in self._scores:
            self._scores[name] = self._score(name)
        return self._scores[name]

    @torch.no_grad()
    def _score(self, name: str) -> Tensor:
        module, splits = self.judged
        parts = []
        with evaluating(self.module), evaluating(module):
            for places in self.predictor.batches(splits[name]):
                batch = splits[name].take(places, train=False)
                with self.predictor.autocast():
                    output = self.task.forward(module, batch.inputs)
                parts.append(class_scores(output).float().cpu())
        return torch.cat(parts)

    def metrics_of(self, scores: Iterator[tuple[Tensor, Batch]]) -> SplitMetrics:
        """Return the measures of scores that come from elsewhere, for the split that counts."""
        meter = self.task.meter(self.split)
        for output, batch in scores:
            meter.add(output, batch)
        return meter.result()

    def drop(self, metrics: SplitMetrics) -> float:
        """Return what the headline measure lost; negative where it gained."""
        lost = self.headline.value - metrics.value
        return lost if MEASURES[metrics.metric].higher_is_better else -lost


def named_inputs(batch: Batch) -> dict[str, Tensor]:
    """Return the tensors of a batch by the names that a file gives them."""
    inputs = batch.inputs
    return {IMAGE_INPUT: inputs} if isinstance(inputs, Tensor) else dict(inputs)


class ScoreNetwork(nn.Module):
    """A network that takes the tensors of a batch one after the other and gives class scores."""

    def __init__(self, task: Task, module: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.module = module
        self._task = task
        self._names = names

    def forward(self, *tensors: Tensor) -> Tensor:
        """Return the scores."""
        if self._names == (IMAGE_INPUT,):
            return class_scores(self._task.forward(self.module, tensors[0]))
        inputs = dict(zip(self._names, tensors, strict=True))
        return class_scores(self._task.forward(self.module, inputs))
