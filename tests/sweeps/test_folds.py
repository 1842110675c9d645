"""Cross-validation and seeds: several trainings measure one combination."""

import statistics
from typing import Any

import pytest

from tests.sweeps.crew import LR, Crew, hill, lr_search


def by_fold(recipe: dict[str, Any], epoch: int) -> float:
    """An accuracy that differs from fold to fold and from seed to seed."""
    fold: int = recipe["data"]["validation"]["fold"] or 0
    seed: int = recipe["reproducibility"]["seed"]
    return hill(recipe, epoch) - 0.01 * fold - 0.001 * seed / 42


async def test_each_part_validates_once_and_the_report_gives_mean_and_deviation(
    crew: Crew,
) -> None:
    crew.objective = by_fold
    number = await crew.begin(cross_validation={"n_splits": 3, "repeats": 2})
    sweep = await crew.work(number)
    trials = await crew.get(f"/{number}/trials")
    assert [(t["repeat"], t["fold"]) for t in trials] == [
        (repeat, fold) for repeat in (0, 1) for fold in (1, 2, 3)
    ]
    values = [trial["value"] for trial in trials]
    (point,) = sweep["points"]
    assert point["mean"] == pytest.approx(statistics.fmean(values))
    assert point["sd"] == pytest.approx(statistics.stdev(values))


async def test_the_folds_of_a_sweep_cover_everything_once(crew: Crew) -> None:
    number = await crew.begin(cross_validation={"n_splits": 4})
    await crew.turn()
    sizes = [(await plan_of(crew, t["job_id"])) for t in await crew.get(f"/{number}/trials")]
    assert [size["validation"] for size in sizes] == [3, 3, 3, 3]
    assert all(size["train"] + size["validation"] == 12 for size in sizes)


async def plan_of(crew: Crew, job_id: int) -> dict[str, int]:
    answer = await crew.client.get(f"/api/v1/jobs/{job_id}", headers=crew.headers)
    sizes: dict[str, int] = answer.json()["plan"]["split_sizes"]
    return sizes


async def test_seeds_measure_the_same_values_again(crew: Crew) -> None:
    crew.objective = by_fold
    sweep = await crew.work(await crew.begin(reproducibility={"seeds": [1, 2, 3]}))
    (point,) = sweep["points"]
    assert (point["num_values"], len(point["job_ids"])) == (3, 3)
    assert point["sd"] > 0


async def test_the_final_training_uses_the_best_values_and_no_fold(crew: Crew) -> None:
    search = lr_search(sampler="grid")
    search["space"] = {LR: {"choice": [0.05, 0.004]}}
    del search["n_trials"]
    number = await crew.begin(search=search, cross_validation={"n_splits": 2, "refit": True})
    sweep = await crew.work(number)
    last = (await crew.get(f"/{number}/trials"))[-1]
    assert (last["fold"], last["params"]) == (0, {LR: 0.004})
    assert sweep["best_job"] == last["job_id"]
    assert len(sweep["points"]) == 2


async def test_wilcoxon_stops_what_is_worse_fold_by_fold(crew: Crew) -> None:
    crew.objective = by_fold
    search = lr_search(sampler="grid", pruner="wilcoxon", max_concurrent_trials=1)
    search["space"] = {LR: {"choice": [0.004, 0.05]}}
    del search["n_trials"]
    number = await crew.begin(epochs=1, search=search, cross_validation={"n_splits": 6})
    sweep = await crew.work(number)
    trials = await crew.get(f"/{number}/trials")
    assert [point["state"] for point in sweep["points"]] == ["succeeded", "pruned"]
    assert len(trials) == 6 + 4
    assert "worse fold by fold" in trials[-1]["pruned"]


async def test_more_parts_than_examples_are_refused(crew: Crew) -> None:
    answer = await crew.submit(cross_validation={"n_splits": 13})
    assert answer.status_code == 422
    assert "too few training examples" in answer.json()["error"]
