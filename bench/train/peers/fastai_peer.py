"""fastai's Learner: groups of layers, freeze and unfreeze as its tutorials do."""

from typing import Any

from fastai.callback.core import Callback
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.optimizer import SGD, RMSProp
from torch import nn

from bench.train import seeds
from bench.train.jobs import Job, Tick


class _Counting(Callback):
    def __init__(self, tick: Tick) -> None:
        self._tick = tick

    def after_batch(self) -> None:
        """Count what was trained."""
        if self.learn.training:
            self._tick(len(self.learn.yb[0]))


def run(_name: str, job: Job, tick: Tick) -> Any:
    """Train with fastai; frozen BatchNorm trains on, which is its default."""
    parts = seeds.build(job)
    kind = RMSProp if type(parts.optimizer).__name__ == "RMSprop" else SGD
    learner = Learner(
        DataLoaders(parts.loader, parts.loader),
        parts.model,
        loss_func=nn.CrossEntropyLoss(),
        opt_func=kind,
        lr=job.lr,
        splitter=_groups,
        cbs=[_Counting(tick)],
        train_bn=True,
    )
    if job.trains == "all":
        learner.unfreeze()
    else:
        learner.freeze_to(-2 if job.trains == "block" else -1)
    learner.fit(job.epochs)
    return parts.model


def _groups(model: Any) -> list[list[Any]]:
    """Return the parameters in three groups: most of the body, its last block, the head."""
    names = [name for name, _ in model.named_children()]
    head = names[-1]
    block = "layer4" if "layer4" in names else ""
    groups: list[list[Any]] = [[], [], []]
    for name, parameter in model.named_parameters():
        first = name.split(".")[0]
        groups[2 if first == head else 1 if first == block else 0].append(parameter)
    return [group for group in groups if group]
