"""Labels of several tasks for each sample; where one has none, it is left out of its loss."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from worker.contract.failures import FailureCode, RunError
from worker.contract.items import TASK_VALUE, Item
from worker.contract.multi_task import JointTask
from worker.data.inputs import ImageSplit


@dataclass(frozen=True)
class Part:
    """One task: which outputs of the network are its own, and how its labels become targets.

    `classes` are empty for a number, which is learned in units of its spread around its mean.
    """

    name: str
    start: int
    classes: tuple[str, ...] = ()
    mean: float = 0.0
    std: float = 1.0
    loss_weight: float = 1.0

    @property
    def size(self) -> int:
        """The number of its outputs."""
        return len(self.classes) or 1

    def of(self, output_BK: Tensor) -> Tensor:
        """Return its own outputs."""
        return output_BK[:, self.start : self.start + self.size]

    def targets(self, rows: Sequence[Item]) -> Tensor:
        """Return class numbers, or numbers in units of the spread; not a number for no label.

        A class that training does not have counts as none.
        """
        texts = [_text(row, self.name) for row in rows]
        if self.classes:
            known = {label: float(number) for number, label in enumerate(self.classes)}
            return torch.tensor([known.get(text, math.nan) for text in texts])
        values = [float(text) if text else math.nan for text in texts]
        return ((torch.tensor(values, dtype=torch.float64) - self.mean) / self.std).float()


def part_of(task: JointTask, start: int, rows: Sequence[Item]) -> Part:
    """Return a further task as the training rows show it.

    Raises:
        RunError: its column holds no labels, or no numbers where it wants some; rows are named.
    """
    texts = [text for row in rows if (text := _text(row, task.name))]
    if not texts:
        raise _wrong(task, "no training row has a label")
    if task.task == "image-classification":
        classes = tuple(sorted(set(texts)))
        if len(classes) < 2:  # noqa: PLR2004 - nothing is told apart
            raise _wrong(task, f"there is only the class {classes[0]!r}")
        return Part(task.name, start, classes, loss_weight=task.loss_weight)
    wrong = [row.key for row in rows if not _is_number(_text(row, task.name))]
    if wrong:
        raise _wrong(task, f"{len(wrong)} rows hold no number: {', '.join(wrong[:5])}")
    values = torch.tensor([float(text) for text in texts], dtype=torch.float64)
    mean, std = float(values.mean()), float(values.std(correction=0).clamp_min(1e-9))
    return Part(task.name, start, (), mean, std, task.loss_weight)


def _wrong(task: JointTask, reason: str) -> RunError:
    return RunError(
        FailureCode.DATA_INVALID, f"multi_task, {task.name} (column {task.column}): {reason}."
    )


def _text(row: Item, name: str) -> str:
    return str(row.values.get(f"{TASK_VALUE}{name}") or "")


def _is_number(text: str) -> bool:
    try:
        return not text or math.isfinite(float(text))
    except ValueError:
        return False


@dataclass
class JoinedSplit(ImageSplit):
    """Pictures with the targets of several tasks (N, T); the first are class numbers."""

    targets_NT: Tensor

    def __post_init__(self) -> None:
        super().__post_init__()
        self.targets_NT = self.targets_NT.to(self.device)

    def targets(self, indices: Tensor) -> Tensor:
        """Return the targets of every task (B, T)."""
        return self.targets_NT[indices.to(self.device)]
