"""A number from a picture: how bright it is."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.worker.builders import fresh_python, recipe_values, run, stage
from worker.evaluation.regression import number_values


def write_grey(root: Path) -> Path:
    """Write pictures of some brightness with a table that says how bright each is, in per cent."""
    random = np.random.default_rng(3)
    lines = ["image,split,brightness"]
    for number in range(20):
        level = float(random.uniform(0.1, 0.9))
        noise = random.normal(level * 255, 10, (24, 24, 3)).clip(0, 255).astype(np.uint8)
        (root / "pictures").mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise).save(root / f"pictures/{number}.png")
        split = "train" if number < 14 else "test"
        lines.append(f"pictures/{number}.png,{split},{level * 100:.2f}")
    (root / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def test_a_number_is_learned_and_the_code_on_the_card_gives_the_same(tmp_path: Path) -> None:
    write_grey(tmp_path / "data")
    values = recipe_values(
        stage(epochs=12, optimizer={"name": "adamw", "lr": 3e-3}),
        task="image-regression",
        data={"columns": {"target": "brightness", "split": "split"}},
    )
    done = run(tmp_path, values)
    measured = done.result.splits["test"]
    assert measured.metric == "mae"
    assert measured.value < measured.values["mae_of_mean"]
    card = (done.out / "out/result/README.md").read_text(encoding="utf-8")
    assert "Always guessing the mean is off by" in card
    code = card.rpartition("```python\n")[2].partition("```")[0]
    lines = [line.split(",") for line in (tmp_path / "data/table.csv").read_text().split()[1:]]
    true = {str(tmp_path / "data" / path): float(x) for path, split, x in lines if split == "test"}
    use = f"true = {true}\nprint(sum(abs(estimate(p) - x) for p, x in true.items()) / len(true))"
    printed = fresh_python(f"{code}\n{use}", done.out / "out/result")
    assert float(printed) == pytest.approx(measured.value, rel=1e-3)


def test_the_measures_of_numbers_are_those_of_a_case_by_hand() -> None:
    found, true = torch.tensor([1.0, 2.0, 5.0]), torch.tensor([1.0, 3.0, 5.0])
    assert number_values(found, true, 2.0) == pytest.approx(
        {"mae": 1 / 3, "r2": 1 - 1 / 8, "mae_of_mean": 5 / 3}
    )
