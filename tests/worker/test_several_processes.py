"""Several processes in one run: the number of them changes how fast it is, not what is learned."""

from pathlib import Path

import pytest
import torch

from tests.worker.builders import Run, recipe_values, run, stage
from worker.modeling.weights import read_weights


def weights_of(done: Run) -> dict[str, torch.Tensor]:
    return read_weights(done.out / "out/result/model.safetensors")


def furthest(one: Run, other: Run) -> float:
    """Return the greatest difference of a weight or a statistic between two runs."""
    first, second = weights_of(one), weights_of(other)
    assert first.keys() == second.keys()
    return max(float((first[k].double() - second[k].double()).abs().max()) for k in first)


def two_stages(**resources: object) -> dict:
    head = stage(["head"], name="head", epochs=2, cache_features="off")
    everything = stage(name="all", epochs=2)
    return recipe_values(head, everything, resources={"device": "cpu", **resources})


def test_two_processes_learn_what_one_learns(folder: Path) -> None:
    one = run(folder, two_stages(processes=1), out="one")
    two = run(folder, two_stages(processes=2), out="two")
    assert two.losses() == pytest.approx(one.losses(), abs=1e-4)
    assert furthest(one, two) < 1e-3
