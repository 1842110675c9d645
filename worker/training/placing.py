"""Putting a network where it computes fastest."""

from collections.abc import Callable
from functools import cache

import torch

from worker.data.batches import Split
from worker.evaluation.predict import evaluating
from worker.modeling.architectures import is_convolutional
from worker.modeling.network import Network
from worker.task import Task

_PROBE_SIZE = 16


def place(network: Network, device: torch.device) -> None:
    """Move a network to its device, convolutions in the layout that is fastest for them."""
    if is_convolutional(network.module):
        network.module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stubs miss this form
    else:
        network.module.to(device)


def one_batch(task: Task, network: Network, split: Split) -> Callable[[], object]:
    """Return what runs a network once on the first samples of a split, read when first asked."""

    @cache
    def inputs() -> object:
        indices = torch.arange(min(len(split), _PROBE_SIZE))
        return split.take(indices, train=False).inputs

    def forward() -> object:
        with evaluating(network.module):
            return task.forward(network.module, inputs())

    return forward
