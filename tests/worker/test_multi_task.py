"""Several tasks on one network: which of two colours, how bright, and which half is lighter."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import JsonValue
from safetensors.torch import load_file
from torch import nn

from tests.worker.builders import (
    Run,
    Values,
    fresh_python,
    plan_of,
    recipe_values,
    run,
    stage,
)
from worker.alone import Search, prepare
from worker.contract.failures import RunError
from worker.contract.recipe_text import RecipeError, recipe_from_values
from worker.data.batches import Batch
from worker.data.samples import open_samples
from worker.task import Setting
from worker.tasks.multi_task import MultiTask
from worker.training.balancing import Balance, imbalance, uncertainty

COLORS = {"warm": (200, 90, 40), "cold": (40, 90, 200)}


def write_pictures(root: Path, *, blank: frozenset[int] = frozenset()) -> None:
    """Write 24 pictures with a table; those of `blank` have no number."""
    random = np.random.default_rng(3)
    lines = ["image,kind,split,brightness,half"]
    for number in range(24):
        kind = ["warm", "cold"][number % 2]
        level = float(random.uniform(0.4, 1.2))
        pixels = np.tile(np.array(COLORS[kind]) * level, (24, 24, 1))
        half = ["left", "right"][number // 2 % 2]
        columns = slice(0, 12) if half == "left" else slice(12, 24)
        pixels[:, columns] += 50
        noisy = (pixels + random.normal(0, 6, pixels.shape)).clip(0, 255).astype(np.uint8)
        path = root / f"data/pictures/{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noisy).save(path)
        split = "train" if number < 16 else "test"
        shown = "" if number in blank else f"{level * 100:.1f}"
        lines.append(f"pictures/{number}.png,{kind},{split},{shown},{half}")
    (root / "data/table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def joint(balancing: str = "none") -> Values:
    tasks: list[JsonValue] = [
        {"name": "kind", "task": "image-classification", "columns": {"label": "kind"}},
        {"name": "light", "task": "image-regression", "columns": {"target": "brightness"}},
        {"name": "side", "task": "image-classification", "columns": {"label": "half"}},
    ]
    return recipe_values(
        stage("all", epochs=8, optimizer={"name": "adamw", "lr": 3e-3}),
        data={"columns": {"split": "split"}},
        multi_task={"tasks": tasks, "loss_balancing": balancing},
    )


def opened(folder: Path, values: Values) -> tuple[MultiTask, nn.Module, Batch]:
    plan, places = plan_of(folder, values)
    task = MultiTask(Setting(plan, torch.device("cpu"), folder / "cache"))
    samples = open_samples(plan, places.data, None)
    task.look(samples)
    network = task.build()
    splits = task.load(samples)
    return task, network.module, splits["train"].take(torch.arange(12), train=False)


def test_every_task_is_measured_and_the_code_on_the_card_answers_all(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    done: Run = run(tmp_path, joint())
    measured = done.result.splits["test"]
    assert measured.metric == "accuracy"
    assert set(measured.values) >= {"accuracy", "light/mae", "light/r2", "side/accuracy"}
    assert measured.values["light/mae"] < measured.values["light/mae_of_mean"]
    folder = done.out / "out/result"
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "Mean absolute error of light" in card
    code = card.rpartition("```python\n")[2].partition("```")[0]
    rows = (tmp_path / "data/table.csv").read_text().split()[1:]
    true = {str(tmp_path / "data" / row.split(",")[0]): row.split(",") for row in rows[16:]}
    use = (
        f"import json\ntrue = {true}\nfound = {{p: answers(p) for p in true}}\n"
        "kind = sum(found[p]['kind'] == r[1] for p, r in true.items()) / len(true)\n"
        "light = sum(abs(found[p]['light'] - float(r[3])) for p, r in true.items()) / len(true)\n"
        "print(json.dumps([kind, light]))"
    )
    kind, light = json.loads(fresh_python(f"{code}\n{use}", folder))
    assert kind == pytest.approx(measured.values["accuracy"])
    assert light == pytest.approx(measured.values["light/mae"], rel=1e-3)


@pytest.mark.parametrize("balancing", ["uncertainty", "gradnorm"])
def test_what_balances_is_learned_and_is_no_part_of_the_result(
    tmp_path: Path, balancing: str
) -> None:
    write_pictures(tmp_path)
    plain = run(tmp_path, joint(), out="plain")
    done = run(tmp_path, joint(balancing), out="balanced")
    weights = load_file(done.out / "out/result/model.safetensors")
    assert weights.keys() == load_file(plain.out / "out/result/model.safetensors").keys()
    assert done.result.weights_sha256 != plain.result.weights_sha256


def test_one_update_reaches_the_trunk_from_every_head(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    task, module, batch = opened(tmp_path, joint())
    shared = task._shared()
    assert shared is not None
    found = task.losses(module(batch.inputs), batch)
    parts = [torch.autograd.grad(loss, shared, retain_graph=True)[0] for loss in found]
    assert all(float(part.abs().sum()) > 0 for part in parts)
    (whole,) = torch.autograd.grad(task.loss(module(batch.inputs), batch), shared)
    assert torch.allclose(whole, sum(parts, torch.zeros_like(whole)), atol=1e-5)


def test_a_row_without_a_label_is_left_out_of_that_task_alone(tmp_path: Path) -> None:
    write_pictures(tmp_path, blank=frozenset({0, 3, 5}))
    task, module, batch = opened(tmp_path, joint())
    output = module(batch.inputs).detach()
    missing = batch.targets[:, 1].isnan()
    assert 0 < int(missing.sum()) < batch.size
    known = Batch(None, batch.targets[~missing], int((~missing).sum()))
    all_of, only = task.losses(output, batch), task.losses(output[~missing], known)
    assert float(all_of[1]) == pytest.approx(float(only[1]), rel=1e-5)
    assert float(all_of[0]) != pytest.approx(float(only[0]), rel=1e-5)
    nobody = Batch(None, torch.full_like(batch.targets, math.nan), batch.size)
    nobody.targets[:, 0] = batch.targets[:, 0]
    assert task.losses(output, nobody)[1:].tolist() == [0.0, 0.0]
    done = run(tmp_path, joint())
    lines = [line for event in done.events if event.kind == "LogWritten" for line in event.lines]
    assert any(line.startswith("light: a number, labels for 1") for line in lines)


def test_losses_divided_by_their_noise_are_the_sum_worked_out_by_hand() -> None:
    losses, logs = torch.tensor([2.0, 0.5]), torch.tensor([math.log(4.0), 0.0])
    expected = 2.0 / 4 + math.log(4.0) / 2 + 0.5
    assert float(uncertainty(losses, logs)) == pytest.approx(expected)


def test_equal_learning_pulls_towards_the_task_that_lags() -> None:
    shares = torch.tensor([1.0, 1.0], requires_grad=True)
    # The first has gradients three times as large, and both have learned equally much.
    off = imbalance(shares, torch.tensor([3.0, 1.0]), torch.tensor([0.5, 0.5]))
    assert float(off.detach()) == pytest.approx(1 + 1)
    (pull,) = torch.autograd.grad(off, shares)
    assert pull.tolist() == [3.0, -1.0]


def test_weights_of_tasks_always_add_up_to_their_number() -> None:
    head = nn.Linear(4, 3)
    trunk = nn.Linear(4, 4)
    balance = Balance("gradnorm", [1.0, 2.0], head)
    inputs = torch.randn(8, 4)
    output = head(trunk(inputs))
    losses = torch.stack([output[:, 0].square().mean(), output[:, 1:].square().mean()])
    balance.total(losses, next(trunk.parameters())).backward()
    numbers = head.get_parameter("task_numbers")
    assert numbers.grad is not None
    assert float(numbers.grad.sum()) == pytest.approx(0.0, abs=1e-5)
    balance.release()
    assert set(head.state_dict()) == {"weight", "bias"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"augment": {"mixup_alpha": 0.2}}, "one task only"),
        ({"export": {"formats": ["onnx"]}}, "one task only"),
        ({"multi_task": {"tasks": [{"name": "kind", "task": "image-classification"}]}}, "at least"),
        ({"task": "image-regression"}, "multi_task"),
    ],
)
def test_what_several_tasks_cannot_do_is_refused(change: Values, reason: str) -> None:
    with pytest.raises(RecipeError, match=reason):
        recipe_from_values({**joint(), **change})


def test_a_column_that_is_not_there_is_named_before_anything_runs(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    values = joint()
    table = tmp_path / "data/table.csv"
    table.write_text(table.read_text().replace("brightness", "lightness"))
    found = prepare(recipe_from_values(values), Search((tmp_path,)), None, tmp_path / "run")[0]
    (error,) = found.errors
    assert (error.code, error.params["column"]) == ("COLUMN_MISSING", "brightness")


def test_a_number_that_is_none_is_named(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    table = tmp_path / "data/table.csv"
    text = table.read_text().splitlines()
    text[2] = text[2].rsplit(",", 2)[0] + ",bright,left"
    table.write_text("\n".join(text) + "\n")
    with pytest.raises(RunError, match=r"no number: pictures/1.png"):
        run(tmp_path, joint())
