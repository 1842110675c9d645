"""Learning without labels: the parts by hand, and a real gain on real digits."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.worker.builders import Values, recipe_values, run, stage
from worker.contract.presets import merged
from worker.contract.strategies import SemiSupervised
from worker.data.batches import Batch
from worker.training.averaging import WeightAverage
from worker.training.step import Outcome
from worker.training.unlabeled import Used, WithoutLabels


class Points:
    """Unlabelled rows whose strong view is their negative."""

    def __init__(self, rows: torch.Tensor) -> None:
        self.rows = rows

    def views(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.rows[:count], -self.rows[:count]


def test_only_sure_answers_become_labels_of_the_strong_view() -> None:
    module = nn.Identity()
    rows = torch.tensor([[9.0, 0.0], [0.1, 0.0]], requires_grad=True)
    settings = SemiSupervised(p_cutoff=0.9, uratio=2)
    used = Used()
    ways = WithoutLabels(
        settings,
        Points(rows),
        lambda net, inputs: net(inputs),
        WeightAverage(module, None),
        lambda: 1.0,
        used,
    )
    objective = ways.around(lambda _, batch: Outcome(torch.zeros(()), batch.inputs))
    outcome = objective(module, Batch(rows, torch.tensor([0]), 1))
    strong = nn.functional.cross_entropy(-rows[:1], torch.tensor([0]))
    assert float(outcome.loss.detach()) == pytest.approx(float(strong.detach()) / 2, rel=1e-4)
    assert used.line().startswith("of 2 unlabelled samples, 50%")


def write_digits(root: Path, *, labelled: int, unlabelled: int, test: int) -> None:
    from sklearn.datasets import load_digits

    pictures, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(1).permutation(len(labels))
    taken: dict[int, int] = {}
    for number, place in enumerate(order[: unlabelled + test + 10 * labelled]):
        label = int(labels[place])
        taken[label] = taken.get(label, 0) + 1
        if taken[label] <= labelled:
            folder = root / "train" / str(label)
        elif taken[label] <= labelled + 4:
            folder = root / "validation" / str(label)
        else:
            folder = root / ("unlabeled" if number % 4 else f"test/{label}")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = (pictures[place].reshape(8, 8) * 255 / 16).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


def digits_recipe(steps: int) -> Values:
    return recipe_values(
        stage(max_steps=steps, optimizer={"name": "adamw", "lr": 0.002}),
        data={"image_size": 24, "normalize": "none"},
        augment={"ops": [{"RandomAffine": {"translate": [0.1, 0.1]}}]},
        train={"batch_size": 8, "model_ema_decay": 0.98},
    )


WITHOUT = {
    "data": {"unlabeled": {"repo": "data"}},
    "semi_supervised": {"p_cutoff": 0.9, "uratio": 7},
}


def test_loose_pictures_without_a_class_are_used_and_told(tmp_path: Path) -> None:
    write_digits(tmp_path / "data", labelled=2, unlabelled=60, test=30)
    values = merged(digits_recipe(3), merged(WITHOUT, {"semi_supervised": {"p_cutoff": 0}}))
    done = run(tmp_path, values)
    assert done.plan.split_sizes["train"] == 20
    assert done.plan.split_sizes["unlabeled"] > 30
    lines = [line for event in done.of_kind("LogWritten") for line in event.lines]
    assert any("100% were sure enough" in line for line in lines)


@pytest.mark.parametrize("method", ["pseudo-label", "mean-teacher"])
def test_the_other_methods_run(tmp_path: Path, method: str) -> None:
    write_digits(tmp_path / "data", labelled=2, unlabelled=40, test=20)
    over = merged(WITHOUT, {"semi_supervised": {"method": method}})
    done = run(tmp_path, merged(digits_recipe(3), over))
    assert done.result.stages[0].steps == 3


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_fixmatch_gains_five_points_from_four_labels_a_class(tmp_path: Path) -> None:
    write_digits(tmp_path / "data", labelled=4, unlabelled=900, test=400)
    alone = run(tmp_path, digits_recipe(400), out="alone")
    both = run(tmp_path, merged(digits_recipe(400), WITHOUT), out="both")
    assert both.result.headline.value >= alone.result.headline.value + 0.05
