"""Measures of several tasks on one network: those of the first as usual, the others by name."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from worker.contract.manifest import SplitMetrics
from worker.data.batches import Batch
from worker.data.joined import Part
from worker.evaluation.classification import split_metrics
from worker.evaluation.regression import number_values


class JoinedMeter:
    """Collects outputs and measures each task on the samples that have its label."""

    def __init__(
        self, parts: Sequence[Part], names: Sequence[str], loss: Callable[[Tensor, Batch], Tensor]
    ) -> None:
        self._parts, self._names, self._loss = parts, names, loss
        self._outputs: list[Tensor] = []
        self._targets: list[Tensor] = []
        self._sum = 0.0

    def add(self, output: Tensor, batch: Batch) -> None:
        """Take the outputs of one batch in; batches come in the order of the split."""
        self._sum += float(self._loss(output, batch)) * batch.size
        self._outputs.append(output.float().cpu())
        self._targets.append(batch.targets.cpu())

    def result(self) -> SplitMetrics:
        """Return every measure; those of further tasks are named `task/measure`."""
        output_NK, targets_NT = torch.cat(self._outputs), torch.cat(self._targets)
        first = self._parts[0]
        labels_N = targets_NT[:, 0].long()
        found = split_metrics(first.of(output_NK), labels_N, first.classes, self._names)
        values = dict(found.values)
        for number, part in enumerate(self._parts[1:], start=1):
            has_label = ~targets_NT[:, number].isnan()
            if has_label.any():
                own = part.of(output_NK)[has_label], targets_NT[has_label, number]
                measured = _measured(part, *own)
                values |= {f"{part.name}/{name}": value for name, value in measured.items()}
        loss = self._sum / max(1, len(targets_NT))
        return found.model_copy(update={"values": values, "loss": loss})


def _measured(part: Part, output_MK: Tensor, targets_M: Tensor) -> dict[str, float]:
    if not part.classes:
        estimates_M = output_MK[:, 0].double() * part.std + part.mean
        return number_values(estimates_M, targets_M.double() * part.std + part.mean, part.mean)
    names = [""] * len(targets_M)
    return split_metrics(output_MK, targets_M.long(), part.classes, names).values
