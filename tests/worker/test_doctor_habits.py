"""Habits of common tutorials that spoil a result: each is told, or cannot be written at all."""

from pathlib import Path

import pytest
import torch

from tests.contract.test_doctor import ALL, BASE, HEAD, codes, examined, folders, one
from tests.worker.builders import recipe_values, run, stage
from worker.contract.bases import PinnedBase
from worker.contract.doctor_habits import check_habits
from worker.contract.plan import PinnedInventory, examine
from worker.contract.presets import Values, merged
from worker.contract.recipe_text import recipe_from_values

PARTS: Values = {
    **HEAD,
    "name": "parts",
    "train": ["layer4", "head"],
    "optimizer": {"name": "sgd", "lr": 1e-3},
}


@pytest.mark.parametrize(
    "rates", [{"layer4": 1e-3}, {"layer4": 1e-3, "head": 1e-3}], ids=["backbone", "both"]
)
def test_groups_of_parameters_with_one_rate_are_told(rates: Values) -> None:
    answer = examined(folders("cat", "dog"), train={"stages": [PARTS | {"lr_by_group": rates}]})
    assert one(answer.findings, "SAME_RATES").severity == "warning"


def test_groups_with_rates_of_their_own_are_left_alone() -> None:
    own = PARTS | {"lr_by_group": {"layer4": 1e-4}}
    answer = examined(folders("cat", "dog"), train={"stages": [own]})
    assert "SAME_RATES" not in codes(answer.findings)


@pytest.mark.parametrize(
    ("name", "is_told"), [("adam", True), ("adamw", False)], ids=["adam", "adamw"]
)
def test_adam_on_a_transformer_is_told(name: str, is_told: bool) -> None:
    values: Values = {
        "name": "x",
        "task": "text-classification",
        "model": {"base": {"repo": "a/b"}},
        "data": {"train": {"repo": "a/d"}},
        "train": {"stages": [ALL | {"optimizer": {"name": name, "lr": 1e-3}}]},
    }
    base = PinnedBase(repo="a/b", library="transformers", architecture="bert")
    found = check_habits(recipe_from_values(values), base)
    assert ("ADAM_ON_TRANSFORMER" in codes(found)) is is_told


def test_the_default_rate_of_adam_is_too_high_for_texts() -> None:
    from tests.contract.test_doctor import inventory

    rows = "\n".join(f"text number {n},{'ab'[n % 2]}" for n in range(20))
    data = inventory({"train.csv": f"text,label\n{rows}\n".encode()})
    values: Values = {
        "name": "x",
        "task": "text-classification",
        "model": {"base": {"repo": "a/b"}},
        "data": {"train": {"repo": "a/d"}},
        "train": {"stages": [ALL | {"optimizer": {"name": "adam", "lr": 1e-3}}]},
    }
    base = PinnedBase(repo="a/b", library="transformers", architecture="bert")
    pinned = PinnedInventory(repo="a/d", commit="c", inventory=data)
    found = examine(recipe_from_values(values), base, pinned).findings
    assert {"RATE_TOO_HIGH", "ADAM_ON_TRANSFORMER"} <= codes(found)


def test_the_test_split_never_chooses() -> None:
    files = {
        **folders("cat", "dog", prefix="train/"),
        **folders("cat", "dog", start=500, prefix="test/"),
    }
    plan = examined(files).plan
    assert plan is not None
    assert plan.split_sizes == {"train": 10, "validation": 2, "test": 12}
    twice = examined(files, data={"validation": {"split": "test"}, "test": {"repo": "a/d"}})
    assert "TEST_USED_TWICE" in codes(twice.findings, "warning")


def test_only_training_pictures_change_at_random(folder: Path) -> None:
    values = recipe_values(
        stage("all"), augment={"preset": "trivialaugment"}, evaluate={"baseline": False}
    )
    one_run = run(folder, values, out="one")
    events = [event for event in one_run.events if event.kind == "EpochFinished"]
    # What the last epoch measured on validation is what the finished network measures again.
    assert events[-1].validation_loss == one_run.result.splits["validation"].loss


def test_measuring_is_done_with_dropout_off(folder: Path) -> None:
    values = recipe_values(
        stage("all"),
        model={"head": {"type": "mlp", "hidden": [8], "dropout": 0.9}},
        evaluate={"baseline": False},
    )
    done = run(folder, values)
    last = [event for event in done.events if event.kind == "EpochFinished"][-1]
    assert last.validation_loss == done.result.splits["validation"].loss


def test_pictures_of_any_shape_become_squares_of_one_size(tmp_path: Path) -> None:
    from PIL import Image

    for number in range(8):
        for label, side in (("wide", (40, 24)), ("high", (24, 56))):
            path = tmp_path / "data" / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", side, (number * 9, len(label), 3)).save(path)
    done = run(tmp_path, recipe_values(stage(["head"]), evaluate={"baseline": False}))
    assert done.result.splits["validation"].size == 2


def test_scores_are_raw_so_that_the_loss_is_not_squashed_twice(folder: Path) -> None:
    from safetensors.torch import load_file

    from worker.modeling.network import build_network

    values = recipe_values(stage(["head"]), model={"head": {"type": "mlp", "hidden": [8]}})
    done = run(folder, values)
    network = build_network(done.plan, None)
    network.module.load_state_dict(load_file(done.out / "out/result/model.safetensors"))
    scores = network.module.eval()(torch.randn(4, 3, 24, 24)).detach()
    assert scores.shape == (4, 3)
    assert not torch.allclose(scores.sum(1), torch.ones(4), atol=1e-3)
    assert not any("softmax" in type(part).__name__.lower() for part in network.module.modules())


def test_an_encoder_always_gets_the_head_of_its_task() -> None:
    answer = examined(folders("cat", "dog"))
    assert answer.plan is not None
    assert answer.plan.classes == ("cat", "dog")
    frozen = examined(
        folders("cat", "dog"), train={"stages": [merged(HEAD, {"train": ["layer4"]})]}
    )
    assert "HEAD_NEVER_TRAINED" in codes(frozen.errors)
    assert BASE.library == "torchvision"
