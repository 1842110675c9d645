"""Learning from a teacher: its softened answers beside the labels."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from worker.contract.after import Distill
from worker.contract.failures import FailureCode, RunError


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


@dataclass
class Teacher:
    """A frozen network in eval mode that answers beside the student.

    Raises:
        RunError: it tells another number of classes apart than the student.
    """

    module: nn.Module
    settings: Distill
    classes: int

    def __post_init__(self) -> None:
        self.module.eval().requires_grad_(requires_grad=False)

    @torch.no_grad()
    def answers(self, inputs: Tensor) -> Tensor:
        """Return the teacher's scores."""
        scores_BC: Tensor = self.module(inputs).float()
        if scores_BC.shape[-1] != self.classes:
            raise RunError(
                FailureCode.RECIPE_INVALID,
                f"distill.teacher tells {scores_BC.shape[-1]} classes apart, "
                f"the data has {self.classes}; choose a teacher of the same classes.",
            )
        return scores_BC

    def loss(self, student_BC: Tensor, task_loss: Tensor, teacher_BC: Tensor) -> Tensor:
        """Return the task's loss and the distance to the teacher, weighted as the recipe says."""
        settings = self.settings
        distance = distillation_loss(student_BC.float(), teacher_BC, settings.kd_temperature)
        return settings.task_loss_weight * task_loss + settings.distill_loss_weight * distance


def with_teacher(
    loss: Callable[[Tensor, Tensor], Tensor], teacher: Teacher
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Return a loss of (student's scores, targets, inputs) that asks the teacher about the inputs.

    The teacher sees exactly the pixels that the student sees, the random changes included.
    Source: Beyer et al. 2022, arXiv 2106.05237.
    """

    def both(student_BC: Tensor, targets_B: Tensor, inputs: Tensor) -> Tensor:
        return teacher.loss(student_BC, loss(student_BC, targets_B), teacher.answers(inputs))

    return both
