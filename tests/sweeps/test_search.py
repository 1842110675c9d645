"""A search finds what is best, through the public door, with workers that only talk."""

import math

import pytest

from tests.sweeps.crew import BEST_LR, LR, Crew, lr_search


async def test_twelve_trials_of_tpe_find_the_learning_rate_within_a_factor_of_three(
    crew: Crew,
) -> None:
    sweep = await crew.work(await crew.begin(search=lr_search()))
    best = next(p for p in sweep["points"] if p["point"] == sweep["best_point"])
    assert sweep["state"] == "succeeded"
    assert len(sweep["points"]) == 12
    assert 1 / 3 < best["params"][LR] / BEST_LR < 3
    assert sweep["best"] == max(point["mean"] for point in sweep["points"])


async def test_the_median_rule_gives_up_a_third_of_the_trials(crew: Crew) -> None:
    search = lr_search(sampler="random", pruner="median", n_trials=12, max_concurrent_trials=1)
    number = await crew.begin(epochs=4, search=search)
    sweep = await crew.work(number)
    trials = await crew.get(f"/{number}/trials")
    pruned = [trial for trial in trials if trial["state"] == "pruned"]
    assert len(pruned) > 0.3 * len(trials)
    assert crew.epochs == sum(len(trial["curve"]) for trial in trials) < 0.9 * 12 * 4
    assert all("half of the others" in trial["pruned"] for trial in pruned)
    assert sweep["best"] == max(trial["value"] or 0 for trial in trials)


async def test_hyperband_keeps_the_best_trial_to_its_last_epoch(crew: Crew) -> None:
    search = lr_search(sampler="grid", pruner="hyperband", max_concurrent_trials=4)
    search["space"][LR]["steps"] = 9
    del search["n_trials"]
    number = await crew.begin(epochs=9, search=search)
    sweep = await crew.work(number)
    trials = await crew.get(f"/{number}/trials")
    assert crew.epochs < 0.8 * 9 * 9
    nearest = min(trials, key=lambda t: abs(math.log10(t["params"][LR] / BEST_LR)))
    assert nearest["point"] == sweep["best_point"]
    assert len(nearest["curve"]) == 9


async def test_a_grid_tries_every_combination_once(crew: Crew) -> None:
    space = {LR: {"choice": [0.001, 0.01]}, "train.batch_size": {"int": [4, 8], "step": 4}}
    sweep = await crew.work(await crew.begin(search={"sampler": "grid", "space": space}))
    found = {(p["params"][LR], p["params"]["train.batch_size"]) for p in sweep["points"]}
    assert found == {(0.001, 4), (0.001, 8), (0.01, 4), (0.01, 8)}
    assert len(sweep["points"]) == 4


async def test_what_is_minimized_is_best_when_it_is_lowest(crew: Crew) -> None:
    search = lr_search(sampler="random", n_trials=5, metric="eval/loss")
    sweep = await crew.work(await crew.begin(search=search))
    assert (sweep["metric"], sweep["direction"]) == ("loss", "minimize")
    assert sweep["best"] == min(point["mean"] for point in sweep["points"])


async def test_the_value_that_matters_is_told_from_the_one_that_does_not(crew: Crew) -> None:
    search = lr_search(sampler="random", n_trials=10, max_concurrent_trials=10)
    search["space"]["train.label_smoothing"] = {"float": [0.0, 0.2]}
    sweep = await crew.work(await crew.begin(epochs=1, search=search))
    importance = sweep["importance"]
    assert sum(importance.values()) == pytest.approx(1)
    assert importance[LR] > importance["train.label_smoothing"]
