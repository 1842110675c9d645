"""Weights of samples from a column of the data: training counts by them, measuring does not."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.worker.builders import Values, plan_of, recipe_values, run, stage
from worker.alone import Search, prepare
from worker.contract.failures import RunError
from worker.contract.plan import Examination
from worker.contract.recipe_text import RecipeError, recipe_from_values
from worker.data.batches import Batch
from worker.training.losses import ClassLoss

WEIGHTED: Values = {"imbalance": {"sample_weight_column": "trust"}}


def write_table(root: Path, weights: dict[int, str], *, head: str = "trust") -> None:
    """Write twelve pictures of two kinds with a table of classes, splits and weights."""
    random = np.random.default_rng(5)
    lines = [f"image,label,split,{head}"]
    for number in range(12):
        label = "dark" if number % 2 else "light"
        low = 20 if number % 2 else 180
        pixels = random.integers(low, low + 60, (24, 24, 3)).astype(np.uint8)
        path = root / f"data/pictures/{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        split = "train" if number < 8 else ("validation" if number < 10 else "test")
        lines.append(f"pictures/{number}.png,{label},{split},{weights.get(number, '1')}")
    (root / "data/table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def weighted_values(train: Values | None = None) -> Values:
    return recipe_values(
        stage(["head"]),
        data={**WEIGHTED, "columns": {"split": "split"}},
        evaluate={"baseline": False},
        train=train or {"batch_size": 6},
    )


def examination(root: Path, values: Values) -> Examination:
    return prepare(recipe_from_values(values), Search((root,)), None, root / "run")[0]


def test_the_weighted_loss_is_the_one_worked_out_by_hand() -> None:
    scores_BC = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    targets_B = torch.tensor([0, 0, 1])
    weights_B = torch.tensor([1.0, 3.0, 0.0])
    one = math.log(1 + math.exp(-2.0))
    two = math.log(1 + math.exp(1.0))
    expected = (1.0 * one + 3.0 * two) / 4.0
    loss = ClassLoss()
    assert float(loss(scores_BC, targets_B, weights_B)) == pytest.approx(expected, rel=1e-6)
    assert loss.weight(targets_B, weights_B) == 4.0


def test_a_batch_that_weighs_nothing_has_no_loss_rather_than_none() -> None:
    scores_BC, targets_B = torch.zeros(2, 2), torch.tensor([0, 1])
    assert float(ClassLoss()(scores_BC, targets_B, torch.zeros(2))) == 0.0


def test_a_sample_of_weight_zero_trains_nothing(tmp_path: Path) -> None:
    """What is wrongly labelled and weighs nothing leaves no trace, cached or not."""
    weights = {number: "0" if number in {0, 1} else "1" for number in range(8)}
    found = []
    for name, relabelled in (("as-is", False), ("wrong", True)):
        root = tmp_path / name
        root.mkdir()
        write_table(root, weights)
        table = root / "data/table.csv"
        if relabelled:
            text = table.read_text().replace("pictures/0.png,light", "pictures/0.png,dark")
            table.write_text(text.replace("pictures/1.png,dark", "pictures/1.png,light"))
        found.append(run(root, weighted_values(train={"batch_size": 8})).losses())
    assert found[0] == pytest.approx(found[1], rel=1e-6)


def test_weights_change_training_and_not_what_is_measured(tmp_path: Path) -> None:
    plain, heavy = tmp_path / "plain", tmp_path / "heavy"
    for root, weights in ((plain, {}), (heavy, dict.fromkeys(range(0, 8, 2), "9"))):
        root.mkdir()
        write_table(root, weights)
    one, other = run(plain, weighted_values()), run(heavy, weighted_values())
    assert one.losses() != other.losses()
    assert one.result.splits["test"].size == other.result.splits["test"].size == 2
    # With no update the same network measures the same, whatever the samples of the test weigh.
    write_table(heavy, dict.fromkeys(range(8, 12), "5"))
    still = weighted_values(train={"stages": [stage(["head"], optimizer={"lr": 1e-9})]})
    frozen = [run(root, still, out="still") for root in (plain, heavy)]
    measured = [done.result.splits["test"].loss for done in frozen]
    assert measured[0] == pytest.approx(measured[1], rel=1e-5)


@pytest.mark.parametrize("weight", ["-1", "nan", "", "much", "inf"])
def test_a_weight_that_is_none_is_refused_with_its_row(tmp_path: Path, weight: str) -> None:
    write_table(tmp_path, {3: weight})
    (error,) = examination(tmp_path, weighted_values()).errors
    assert error.code == "WEIGHT_INVALID"
    assert error.files == ("table.csv:5",)


def test_rows_of_the_test_need_no_weight(tmp_path: Path) -> None:
    write_table(tmp_path, {9: "", 10: "-3"})
    assert examination(tmp_path, weighted_values()).errors == ()


def test_a_column_that_is_not_there_is_named(tmp_path: Path, folder: Path) -> None:
    write_table(tmp_path / "x", {}, head="other")
    (error,) = examination(tmp_path / "x", weighted_values()).errors
    assert (error.code, error.params["column"]) == ("COLUMN_MISSING", "trust")
    values = recipe_values(stage(["head"]), data=WEIGHTED)
    (error,) = examination(folder, values).errors
    assert error.code == "COLUMN_UNREAD"


def test_weights_that_are_all_zero_end_the_run_with_the_reason(tmp_path: Path) -> None:
    write_table(tmp_path, dict.fromkeys(range(8), "0"))
    with pytest.raises(RunError, match="weight 0"):
        run(tmp_path, weighted_values())


def test_weights_make_another_plan(tmp_path: Path) -> None:
    write_table(tmp_path, {})
    before = plan_of(tmp_path, weighted_values())[0].plan_hash
    write_table(tmp_path, {2: "7"})
    assert plan_of(tmp_path, weighted_values())[0].plan_hash != before


def test_new_rows_between_neighbours_have_no_weight() -> None:
    data: Values = {"imbalance": {"sample_weight_column": "trust", "synthesize": "smote"}}
    with pytest.raises(RecipeError, match="sample_weight_column"):
        recipe_from_values(recipe_values(stage(["head"]), data=data))


def test_texts_and_numbers_are_weighed_alike(tmp_path: Path) -> None:
    from worker.tasks.image_regression import ImageRegression

    batch = Batch(None, torch.tensor([1.0, 3.0]), 2, torch.tensor([3.0, 1.0]))
    loss = ImageRegression.loss(object.__new__(ImageRegression), torch.zeros(2, 1), batch)
    assert float(loss) == pytest.approx((3 * 1 + 1 * 9) / 4)
    rows = "\n".join(f"text {n},{'ab'[n % 2]},{n}" for n in range(20))
    (tmp_path / "data").mkdir()
    (tmp_path / "data/train.csv").write_text(f"text,label,trust\n{rows}\n")
    from worker.alone import find_data
    from worker.contract.inventory import open_data
    from worker.contract.sources import FolderSource

    values: Values = {
        **recipe_values(stage(["head"])),
        "task": "text-classification",
        "data": {"train": {"repo": "data"}, **WEIGHTED},
    }
    recipe = recipe_from_values(values)
    pinned, folder = find_data(recipe.data.train, recipe.read_columns, Search((tmp_path,)))
    opened = open_data(FolderSource(folder), recipe.read_columns)
    found = [row.values["weight"] for row in opened.rows(pinned.inventory.facts)]
    assert found == [float(n) for n in range(20)]
