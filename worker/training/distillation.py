"""Learning from a teacher: its softened answers beside the labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from worker.contract.after import Distill
from worker.contract.bases import PinnedBase, Preprocessing
from worker.contract.failures import FailureCode, RunError
from worker.data.batches import Batch
from worker.modeling.network import build_base
from worker.modeling.weights import load_weights, read_weights
from worker.training.step import Objective, Outcome


def distillation_loss(student_BC: Tensor, teacher_BC: Tensor, temperature: float) -> Tensor:
    """Return how far the student's softened answers are from the teacher's, in nats.

    Multiplied by the temperature's square, so that its gradients keep their size.
    Source: Hinton et al. 2015, arXiv 1503.02531.
    """
    divergence = functional.kl_div(
        functional.log_softmax(student_BC / temperature, dim=-1),
        functional.log_softmax(teacher_BC / temperature, dim=-1),
        reduction="batchmean",
        log_target=True,
    )
    return divergence * temperature**2


@dataclass(frozen=True)
class View:
    """Turns pictures prepared for one network into those prepared for another."""

    student: Preprocessing
    teacher: Preprocessing

    def __call__(self, inputs_NCHW: Tensor) -> Tensor:
        """Return the pictures with the teacher's colours and size."""
        side = self.teacher.image_size
        if self.student.image_size != side:
            inputs_NCHW = functional.interpolate(
                inputs_NCHW, (side, side), mode="bilinear", antialias=True
            )
        old = _colors(self.student, inputs_NCHW)
        new = _colors(self.teacher, inputs_NCHW)
        return (inputs_NCHW * old[1] + old[0] - new[0]) / new[1]


def _colors(numbers: Preprocessing, like: Tensor) -> tuple[Tensor, Tensor]:
    return like.new_tensor(numbers.mean).view(3, 1, 1), like.new_tensor(numbers.std).view(3, 1, 1)


@dataclass
class Teacher:
    """A frozen network in eval mode that answers beside the student.

    `order` are the teacher's class numbers in the student's order of classes; `view` turns what
    the student sees into what the teacher is used to.
    """

    module: nn.Module
    settings: Distill
    order: tuple[int, ...]
    view: View | None = None

    def __post_init__(self) -> None:
        self.module.eval().requires_grad_(requires_grad=False)

    @torch.no_grad()
    def answers(self, inputs: Tensor) -> Tensor:
        """Return the teacher's scores, in the student's order of classes."""
        seen = self.view(inputs) if self.view is not None else inputs
        scores_BC: Tensor = self.module(seen).float()
        return scores_BC[:, list(self.order)]

    def on(self, device: torch.device) -> "Teacher":
        """Move the teacher to a device."""
        self.module.to(device)
        return self

    def loss(self, student_BC: Tensor, task_loss: Tensor, inputs: Tensor) -> Tensor:
        """Return the task's loss and the distance to the teacher, weighted as the recipe says."""
        settings, teacher_BC = self.settings, self.answers(inputs)
        distance = distillation_loss(student_BC.float(), teacher_BC, settings.kd_temperature)
        return settings.task_loss_weight * task_loss + settings.distill_loss_weight * distance


def taught(objective: Objective, teacher: Teacher) -> Objective:
    """Return an objective that asks the teacher too.

    The teacher sees exactly the pixels that the student sees, the random changes included.
    Source: Beyer et al. 2022, arXiv 2106.05237.
    """

    def both(module: nn.Module, batch: Batch) -> Outcome:
        outcome = objective(module, batch)
        return Outcome(
            teacher.loss(outcome.output, outcome.loss, batch.inputs),
            outcome.output,
        )

    return both


def build_teacher(
    base: PinnedBase,
    weights: Path | None,
    settings: Distill,
    student: tuple[Sequence[str], Preprocessing],
) -> Teacher:
    """Return the teacher of a plan.

    Args:
        base: the teacher, pinned.
        weights: the file of its weights.
        settings: how it teaches.
        student: its classes in its order, and how its pictures are prepared.

    Raises:
        RunError: its weights are missing or do not fit, or it tells other classes apart.
    """
    if weights is None or not weights.is_file():
        raise RunError(FailureCode.BASE_NOT_FOUND, f"There are no weights for {base.repo}.")
    classes, numbers = student
    labels = base.labels or ()
    if set(labels) != set(classes):
        raise RunError(
            FailureCode.RECIPE_INVALID,
            f"distill.teacher: {base.repo} tells {base.num_classes} classes apart, which are not "
            f"the {len(classes)} of the data; choose a model that was fine-tuned on the same ones.",
        )
    module, _ = build_base(base)
    load_weights(module, read_weights(weights), weights.name)
    order = tuple(labels.index(label) for label in classes)
    return Teacher(module, settings, order, View(numbers, base.preprocessing))
