import json
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.worker.builders import Run, as_json, recipe_values, run, stage
from worker.contract.after import Distill
from worker.contract.bases import Preprocessing
from worker.contract.failures import FailureCode, RunError
from worker.training.distillation import Teacher, View, distillation_loss

DATA = Distill(teacher="me/teacher")


def net(width: int, seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, 3))


def rings(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return points of three rings: not to be told apart by a line."""
    torch.manual_seed(seed)
    labels = torch.arange(count) % 3
    angle = torch.rand(count) * 6.283
    radius = labels + 1 + torch.randn(count) * 0.35
    return torch.stack((radius * angle.cos(), radius * angle.sin()), dim=1), labels


def test_equal_answers_are_no_distance_and_the_value_is_the_formula() -> None:
    scores = torch.tensor([[2.0, 0.0, -1.0]])
    other = torch.tensor([[0.0, 1.0, 0.0]])
    assert float(distillation_loss(scores, scores, 4)) == pytest.approx(0, abs=1e-7)
    teacher, student = (other / 2).softmax(1), (scores / 2).softmax(1)
    by_hand = float((teacher * (teacher.log() - student.log())).sum()) * 4
    assert float(distillation_loss(scores, other, 2)) == pytest.approx(by_hand, rel=1e-5)


def test_the_teacher_is_not_trained_and_answers_in_the_students_order() -> None:
    teacher = Teacher(net(8, 0), DATA.model_copy(update={"task_loss_weight": 0.0}), (2, 0, 1))
    student, (points, _) = net(4, 1), rings(30, 2)
    loss = teacher.loss(student(points), torch.tensor(1e9), points)
    loss.backward()
    assert float(loss.detach()) < 1e3
    assert all(parameter.grad is None for parameter in teacher.module.parameters())
    assert all(parameter.grad is not None for parameter in student.parameters())
    assert torch.equal(teacher.answers(points), teacher.module(points)[:, [2, 0, 1]])


def test_a_student_learns_more_from_wrong_labels_with_a_teacher() -> None:
    teacher = net(64, 0)
    fit(teacher, *rings(3000, 1), None)
    points, labels = rings(600, 2)
    torch.manual_seed(3)
    noisy = torch.rand(len(labels)) < 0.6
    labels[noisy] = torch.randint(0, 3, (int(noisy.sum()),))
    alone, taught = net(16, 4), net(16, 4)
    fit(alone, points, labels, None)
    fit(taught, points, labels, Teacher(teacher, DATA, (0, 1, 2)))
    test = rings(3000, 5)
    assert right(taught, *test) > right(alone, *test) + 0.03


def fit(
    student: nn.Module, points: torch.Tensor, labels: torch.Tensor, teacher: Teacher | None
) -> None:
    optimizer = torch.optim.Adam(student.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        scores = student(points)
        loss = nn.functional.cross_entropy(scores, labels)
        (teacher.loss(scores, loss, points) if teacher else loss).backward()
        optimizer.step()


def right(student: nn.Module, points: torch.Tensor, labels: torch.Tensor) -> float:
    return float((student(points).argmax(1) == labels).float().mean())


@pytest.fixture
def taught_by(folder: Path) -> Run:
    """Return a run whose result lies in the folder `teacher`."""
    done = run(
        folder, recipe_values(stage(epochs=6, optimizer={"name": "adam", "lr": 0.01})), out="first"
    )
    (done.out / "out/result").rename(folder / "teacher")
    return done


def test_a_recipe_names_a_teacher_and_the_student_follows_it(folder: Path, taught_by: Run) -> None:
    distill = {"teacher": "teacher", "task_loss_weight": 0}
    learning = stage(epochs=8, optimizer={"name": "adam", "lr": 0.01})
    student = run(folder, recipe_values(learning, distill=distill), out="student")
    assert student.plan.teacher is not None
    assert student.plan.teacher.labels == student.plan.classes
    # With no weight on the labels, all it knows came from the teacher.
    assert student.losses()[-1] < student.losses()[0]
    assert student.result.headline.value > 0.8
    assert student.plan.plan_hash != taught_by.plan.plan_hash


def test_features_are_not_cached_before_the_eyes_of_a_teacher(folder: Path, taught_by: Run) -> None:
    alone = run(folder, recipe_values(stage(["head"])), out="alone")
    taught = run(folder, recipe_values(stage(["head"]), distill={"teacher": "teacher"}), out="own")
    assert [done.result.stages[0].cached for done in (alone, taught)] == [True, False]


def test_a_teacher_of_other_classes_is_refused(folder: Path, taught_by: Run) -> None:
    config = as_json(folder / "teacher/config.json")
    config["labels"] = ["cat", "dog", "owl"]
    (folder / "teacher/config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(RunError) as caught:
        run(folder, recipe_values(distill={"teacher": "teacher"}))
    assert caught.value.code == FailureCode.RECIPE_INVALID
    assert "choose a model that was fine-tuned on the same ones" in caught.value.detail


def test_a_teacher_sees_its_own_colours_and_size() -> None:
    plain = torch.rand(2, 3, 8, 8)
    own, other = (
        Preprocessing(image_size=8),
        Preprocessing(image_size=8, mean=(0.1, 0.2, 0.3), std=(0.5, 0.4, 0.3)),
    )
    as_student = (plain - torch.tensor(own.mean).view(3, 1, 1)) / torch.tensor(own.std).view(
        3, 1, 1
    )
    wanted = (plain - torch.tensor(other.mean).view(3, 1, 1)) / torch.tensor(other.std).view(
        3, 1, 1
    )
    assert torch.allclose(View(own, other)(as_student), wanted, atol=1e-5)
    large = other.model_copy(update={"image_size": 16})
    assert View(own, large)(as_student).shape == (2, 3, 16, 16)
