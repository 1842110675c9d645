"""Several processes in one run: the number of them changes how fast it is, not what is learned."""

from pathlib import Path

import pytest
import torch

from tests.worker.builders import Run, Values, recipe_values, run, stage
from worker.modeling.weights import read_weights


def weights_of(done: Run) -> dict[str, torch.Tensor]:
    return read_weights(done.out / "out/result/model.safetensors")


def furthest(one: Run, other: Run) -> float:
    """Return the greatest difference of a weight or a statistic between two runs."""
    first, second = weights_of(one), weights_of(other)
    assert first.keys() == second.keys()
    return max(float((first[k].double() - second[k].double()).abs().max()) for k in first)


def two_stages(processes: int, strategy: str = "auto", **over: object) -> Values:
    """Return a recipe whose two stages train different parts; the second has updates of parts."""
    head = stage(["head"], name="head", cache_features="off")
    rest = stage(["blocks.3", "norm"], name="rest", optimizer={"max_grad_norm": 1.0})
    values = recipe_values(
        head,
        rest,
        architecture="timm/test_vit",
        data={"image_size": 32},
        resources={"device": "cpu", "processes": processes, "strategy": strategy},
        train={"model_ema_decay": 0.9, "gradient_accumulation_steps": 2, "batch_size": 5},
    )
    return {**values, **over}


@pytest.mark.parametrize("strategy", ["ddp", "fsdp2"])
def test_two_processes_learn_what_one_learns(folder: Path, strategy: str) -> None:
    one = run(folder, two_stages(1), out="one")
    two = run(folder, two_stages(2, strategy), out="two")
    assert two.losses() == pytest.approx(one.losses(), abs=1e-5)
    assert furthest(one, two) < 1e-6
