"""Recommendation: what was chosen last is found again, better than by popularity."""

from pathlib import Path

import pytest
import torch

from tests.worker.builders import Values, fresh_python, plan_of, run, stage
from tests.worker.sounds import sound_recipe, write_choices
from worker.contract.attempt import RESULT_FOLDER

ADAM: Values = {"name": "adam", "lr": 0.03}


@pytest.fixture
def choices(tmp_path: Path) -> Path:
    write_choices(tmp_path / "data")
    return tmp_path


def test_ranks_hits_and_gains_equal_those_by_hand() -> None:
    from worker.data.interactions import Guess
    from worker.evaluation.recommendation import hit_rate, ndcg, ranks

    scores = torch.tensor([[5.0, 4.0, 3.0, 9.0], [1.0, 1.0, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0]])
    hidden = torch.zeros(3, 4, dtype=torch.bool)
    hidden[0, 3] = True
    found = ranks(scores, Guess(torch.tensor([2, 0, -1]), hidden))

    assert found.tolist() == [2.0, 1.5, float("inf")]
    assert hit_rate(found) == pytest.approx(2 / 3)
    assert ndcg(torch.tensor([0.0, 2.0, 10.0])) == pytest.approx((1 + 0.5) / 3)


def test_the_newest_choice_of_each_user_is_the_test_and_never_trains(choices: Path) -> None:
    from worker.data.samples import open_samples

    plan, places = plan_of(choices, sound_recipe("recommendation", "tuningfork/two-tower"))

    samples = open_samples(plan, places.data, None)

    newest = {
        row.values["user"]: float(str(row.values["timestamp"])) for row in samples["test"].rows
    }
    assert len(newest) == 60
    assert all(
        float(str(row.values["timestamp"])) < newest[row.values["user"]]
        for row in samples["train"].rows
    )


def test_planted_clusters_are_found_twice_as_well_as_by_popularity(choices: Path) -> None:
    values = sound_recipe(
        "recommendation",
        "tuningfork/two-tower",
        stage(epochs=15, optimizer=ADAM),
        train={"batch_size": 120},
    )

    done = run(choices, values)

    found = done.result.headline.values
    assert found["hit_rate_10"] >= 2 * found["popular_hit_rate_10"]
    assert found["ndcg_10"] > found["popular_ndcg_10"]
    folder = done.out / RESULT_FOLDER
    code = (folder / "README.md").read_text(encoding="utf-8").split("```python\n")[1]
    asked = "print([item for item, _ in recommend('u0', 3)], len(recommend_for(['i0', 'i1'])))"
    said = fresh_python(f"{code.split('```')[0]}\n{asked}", folder)
    assert said.strip().endswith("10")


def test_new_users_are_served_from_a_frozen_item_tower(choices: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    first = sound_recipe(
        "recommendation",
        "tuningfork/two-tower",
        stage(epochs=15, optimizer=ADAM),
        train={"batch_size": 120},
    )
    before = run(choices, first)
    (tmp_path / "base").symlink_to(before.out / RESULT_FOLDER)
    text = (tmp_path / "data" / "ratings.csv").read_text(encoding="utf-8")
    (tmp_path / "data" / "ratings.csv").write_text(text.replace("\nu", "\nv"), encoding="utf-8")
    values = sound_recipe("recommendation", "base", stage(["head"], optimizer=ADAM))
    values["model"] = {"base": {"repo": "base"}}

    after = run(tmp_path, values, weights=tmp_path / "base" / "model.safetensors", out="second")

    name = "item_tower.vectors.weight"
    old = load_file(tmp_path / "base" / "model.safetensors")[name]
    assert torch.equal(old, load_file(after.out / RESULT_FOLDER / "model.safetensors")[name])
    found = after.result.headline.values
    assert found["cold_hit_rate_10"] >= 2 * found["popular_hit_rate_10"]
