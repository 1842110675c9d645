import pytest
import torch
from torch import nn

from worker.contract.after import Distill
from worker.contract.failures import RunError
from worker.training.distillation import Teacher, distillation_loss, with_teacher

DATA = Distill(teacher="me/teacher")


def rings(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return points of three rings: not to be told apart by a line."""
    torch.manual_seed(seed)
    labels = torch.arange(count) % 3
    angle = torch.rand(count) * 6.283
    radius = labels + 1 + torch.randn(count) * 0.35
    return torch.stack((radius * angle.cos(), radius * angle.sin()), dim=1), labels


def net(width: int, seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, 3))


def test_equal_answers_are_no_distance_and_the_value_is_the_formula() -> None:
    scores = torch.tensor([[2.0, 0.0, -1.0]])
    other = torch.tensor([[0.0, 1.0, 0.0]])
    assert float(distillation_loss(scores, scores, 4)) == pytest.approx(0, abs=1e-7)
    teacher, student = (other / 2).softmax(1), (scores / 2).softmax(1)
    by_hand = float((teacher * (teacher.log() - student.log())).sum()) * 4
    assert float(distillation_loss(scores, other, 2)) == pytest.approx(by_hand, rel=1e-5)


def test_the_teacher_is_not_trained_and_weights_of_both_losses_count() -> None:
    teacher = Teacher(net(8, 0), DATA.model_copy(update={"task_loss_weight": 0.0}), 3)
    student, (points, labels) = net(4, 1), rings(30, 2)
    with_teacher(nn.CrossEntropyLoss(), teacher)(student(points), labels, points).backward()
    assert all(parameter.grad is None for parameter in teacher.module.parameters())
    assert all(parameter.grad is not None for parameter in student.parameters())
    weightless = teacher.loss(student(points), torch.tensor(1e9), teacher.answers(points))
    assert float(weightless) < 1e3


def test_a_teacher_of_other_classes_is_refused() -> None:
    teacher = Teacher(net(8, 0), DATA, 5)
    with pytest.raises(RunError, match="3 classes apart, the data has 5"):
        teacher.answers(torch.zeros(2, 2))


def test_a_student_learns_more_from_few_labels_with_a_teacher() -> None:
    # The teacher saw much; the student has few labels and many points without a true label.
    teacher = net(64, 0)
    fit(teacher, *rings(3000, 1), nn.CrossEntropyLoss())
    points, labels = rings(600, 2)
    wrong = labels.clone()
    torch.manual_seed(3)
    noisy = torch.rand(len(labels)) < 0.6
    wrong[noisy] = torch.randint(0, 3, (int(noisy.sum()),))
    alone, taught = net(16, 4), net(16, 4)
    fit(alone, points, wrong, nn.CrossEntropyLoss())
    loss = with_teacher(nn.CrossEntropyLoss(), Teacher(teacher, DATA, 3))
    fit(taught, points, wrong, lambda scores, targets: loss(scores, targets, points))
    test = rings(3000, 5)
    assert right(taught, *test) > right(alone, *test) + 0.03


def fit(student: nn.Module, points: torch.Tensor, labels: torch.Tensor, loss: object) -> None:
    optimizer = torch.optim.Adam(student.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        loss(student(points), labels).backward()
        optimizer.step()


def right(student: nn.Module, points: torch.Tensor, labels: torch.Tensor) -> float:
    return float((student(points).argmax(1) == labels).float().mean())
