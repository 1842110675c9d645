"""A sweep on a machine of one's own."""

import json
import statistics
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.worker.builders import Values, recipe_values, run, stage
from worker.__main__ import main
from worker.contract.presets import merged

LR = "train.stages.0.optimizer.lr"


DECAY = "train.stages.0.optimizer.weight_decay"


def sweep(folder: Path, values: Values | None = None, **blocks: object) -> Result:
    values = values or recipe_values(stage(epochs=2))
    (folder / "recipe.json").write_text(json.dumps(values | blocks))
    arguments = ["sweep", str(folder / "recipe.json"), "--out", str(folder / "out")]
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def test_a_grid_over_folds_reports_mean_and_deviation(folder: Path) -> None:
    search = {"sampler": "grid", "space": {LR: {"choice": [0.1, 1e-6]}}}
    done = sweep(folder, search=search, cross_validation={"n_splits": 2, "refit": True})
    assert done.exit_code == 0, done.stderr
    report = json.loads((folder / "out/sweep.json").read_text())
    assert report["best"]["params"] == {LR: 0.1}
    assert [trial["run"]["fold"] for trial in report["trials"]] == [1, 2, 1, 2, 0]
    values = [trial["value"] for trial in report["trials"][:2]]
    assert report["best"]["mean"] == pytest.approx(statistics.fmean(values))
    assert report["best"]["sd"] == pytest.approx(statistics.stdev(values))
    assert (folder / "out" / report["trials"][-1]["name"] / "model.safetensors").is_file()


def test_a_sweep_started_again_runs_nothing_twice(folder: Path) -> None:
    blocks = {"search": {"sampler": "random", "n_trials": 2, "space": {LR: {"float": [0.01, 0.1]}}}}
    first = sweep(folder, **blocks)
    again = sweep(folder, **blocks)
    assert again.exit_code == 0
    assert first.stdout == again.stdout
    assert "epoch" in first.stderr
    assert "epoch" not in again.stderr


def test_tpe_is_refused_with_the_way_out(folder: Path) -> None:
    done = sweep(folder, search={"space": {LR: {"float": [0.01, 0.1]}}})
    assert done.exit_code == 2
    assert "Choose grid or random here, or submit the sweep to a site." in done.stderr


def head_values(optimizer: Values, **values: object) -> Values:
    return recipe_values(stage(["head"], epochs=3, optimizer=optimizer), **values)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_heads_of_a_grid_are_trained_together_as_each_would_be_alone(
    folder: Path, name: str
) -> None:
    space = {LR: {"choice": [0.1, 0.003]}, DECAY: {"choice": [0.0, 0.3]}}
    values = head_values({"name": name, "lr": 0.1}, train={"label_smoothing": 0.1, "batch_size": 5})
    search = {"sampler": "grid", "space": space}
    done = sweep(folder, values, search=search, cross_validation={"n_splits": 2})
    assert done.exit_code == 0, done.stderr
    assert "8 heads were trained together" in done.stderr
    trial = json.loads((folder / "out/sweep.json").read_text())["trials"][3]
    alone = merged(values, {"data": {"validation": {"folds": 2, "fold": 2}}})
    alone["train"]["stages"][0]["optimizer"] |= {"lr": 0.1, "weight_decay": 0.3}
    result = run(folder, alone).result
    assert trial["params"] == {LR: 0.1, DECAY: 0.3}
    assert trial["value"] == pytest.approx(result.splits["validation"].value)
    assert trial["test_value"] == pytest.approx(result.splits["test"].value)


def test_the_best_of_heads_trained_together_leaves_its_model(folder: Path) -> None:
    search = {"sampler": "grid", "space": {LR: {"choice": [0.1, 1e-6]}}}
    done = sweep(folder, head_values({"name": "sgd", "lr": 0.1}), search=search)
    assert done.exit_code == 0, done.stderr
    best = json.loads((folder / "out/sweep.json").read_text())["best"]
    assert best["params"] == {LR: 0.1}
    assert list((folder / "out").glob("*-1-s*/model.safetensors"))
