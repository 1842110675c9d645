"""Several processes in one run: the number of them changes how fast it is, not what is learned."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.worker.builders import Run, Values, recipe_values, run, stage
from tests.worker.language import run_text, text_recipe, write_decoder
from worker.contract.failures import FailureCode, RunError
from worker.contract.presets import merged
from worker.contract.recipe_text import RecipeError, recipe_from_values
from worker.distributed.supervisor import Supervisor
from worker.modeling.weights import read_weights
from worker.training.checkpoint import newest_checkpoint
from worker.training.loop import StoppedError

# A process that waits for another one waits longer on a busy machine than a lone one does.
pytestmark = pytest.mark.timeout(600)
Harm = Callable[[str], None]


@pytest.fixture
def harm(monkeypatch: pytest.MonkeyPatch) -> Harm:
    """Return what makes something go wrong in one process: its kind, its number, when."""

    def harm(fault: str) -> None:
        monkeypatch.setattr(Supervisor, "entry", "tests.worker.faulty_member")
        monkeypatch.setenv("FAULT", fault)

    return harm


class AfterQuestions:
    """Asks a run to stop when it has asked so many times whether to."""

    def __init__(self, count: int) -> None:
        self._left = count

    def should_stop(self) -> bool:
        self._left -= 1
        return self._left < 0


def weights_of(done: Run) -> dict[str, torch.Tensor]:
    return read_weights(done.out / "out/result/model.safetensors")


def furthest(one: Run, other: Run) -> float:
    """Return the greatest difference of a weight or a statistic between two runs."""
    first, second = weights_of(one), weights_of(other)
    assert first.keys() == second.keys()
    return max(float((first[k].double() - second[k].double()).abs().max()) for k in first)


def two_stages(processes: int, strategy: str = "auto", cache: str = "auto") -> Values:
    """Return a recipe whose two stages train different parts; the second has updates of parts."""
    head = stage(["head"], name="head", cache_features=cache)
    rest = stage(["blocks.3", "norm"], name="rest", optimizer={"max_grad_norm": 1.0})
    return recipe_values(
        head,
        rest,
        architecture="timm/test_vit",
        data={"image_size": 32},
        resources={"device": "cpu", "processes": processes, "strategy": strategy},
        train={"model_ema_decay": 0.9, "gradient_accumulation_steps": 2, "batch_size": 5},
    )


@pytest.mark.parametrize("strategy", ["ddp", pytest.param("fsdp2", marks=pytest.mark.slow)])
def test_two_processes_learn_what_one_learns(folder: Path, strategy: str) -> None:
    one = run(folder, two_stages(1), out="one")
    two = run(folder, two_stages(2, strategy), out="two")
    assert two.losses() == pytest.approx(one.losses(), abs=1e-5)
    assert furthest(one, two) < 1e-6


def test_norms_and_weighted_losses_see_the_batch_of_all_processes(folder: Path) -> None:
    done = [
        run(
            folder,
            recipe_values(
                stage(max_steps=1),
                data={"imbalance": {"class_weight": {"red": 4.0, "blue": 0.5}}},
                train={"batch_size": 5},
                resources={"processes": processes},
            ),
            out=str(processes),
        )
        for processes in (1, 2)
    ]
    assert furthest(*done) < 1e-5


def write_orders(folder: Path) -> None:
    """Write orders whose answers differ in length."""
    folder.mkdir()
    for split, letter, count in (("train", "b", 14), ("test", "c", 4)):
        orders = [(f"say {letter * n}", letter * (n + 1)) for n in range(count)]
        rows = [{"instruction": said, "output": done} for said, done in orders]
        text = "".join(f"{json.dumps(row)}\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp2"])
def test_each_token_weighs_the_same_in_two_processes(tmp_path: Path, strategy: str) -> None:
    write_decoder(tmp_path / "base")
    write_orders(tmp_path / "data")

    def trained(**resources: object) -> Run:
        plain: Values = {"name": "sgd", "lr": 0.05}
        values = text_recipe("text-generation", stage(optimizer=plain), train={"batch_size": 5})
        return run_text(
            tmp_path, merged(values, {"resources": resources}), out=str(resources["processes"])
        )

    one, two = trained(processes=1), trained(processes=2, strategy=strategy)
    assert two.losses() == pytest.approx(one.losses(), abs=1e-5)
    assert furthest(one, two) < 1e-5


def test_a_run_of_two_processes_goes_on_in_one(folder: Path, harm: Harm) -> None:
    whole = run(folder, two_stages(1), out="whole")
    harm("stop:0:4")
    with pytest.raises(StoppedError):
        run(folder, two_stages(2, "fsdp2"), out="parted")
    checkpoint = newest_checkpoint(folder / "parted/out/checkpoints")
    resumed = run(folder, two_stages(1), out="parted", resume_from=checkpoint)
    assert furthest(whole, resumed) < 1e-6


@pytest.mark.slow
def test_a_run_of_one_process_goes_on_in_two(folder: Path) -> None:
    whole = run(folder, two_stages(1), out="whole")
    with pytest.raises(StoppedError):
        run(folder, two_stages(1), out="parted", control=AfterQuestions(5))
    checkpoint = newest_checkpoint(folder / "parted/out/checkpoints")
    resumed = run(folder, two_stages(2), out="parted", resume_from=checkpoint)
    assert furthest(whole, resumed) < 1e-6


def test_a_process_that_dies_ends_the_run_and_is_named(folder: Path, harm: Harm) -> None:
    harm("kill:1:3")
    with pytest.raises(RunError) as caught:
        run(folder, two_stages(2))
    assert caught.value.code == FailureCode.WORKER_LOST
    assert "Process 2 of 2 was ended by SIGKILL" in caught.value.detail


@pytest.mark.slow
def test_memory_that_runs_out_in_one_process_makes_the_parts_of_all_smaller(
    folder: Path, harm: Harm
) -> None:
    harm("memory:1:1")
    one = run(folder, two_stages(1), out="one")
    two = run(folder, two_stages(2), out="two")
    told = [line for event in two.of_kind("LogWritten") for line in event.lines]
    assert any("all processes begin again with 3 samples" in line for line in told)
    assert furthest(one, two) < 1e-6


@pytest.mark.slow
def test_exchanging_in_a_later_stage_what_the_first_one_trained_is_noticed(
    folder: Path, harm: Harm
) -> None:
    harm("wrapper:0:0")
    with pytest.raises(RunError, match="the processes hold different weights"):
        run(folder, two_stages(2, cache="off"))


def test_more_gpus_than_there_are_are_not_pretended(folder: Path) -> None:
    asked: Values = {"device": "cuda", "processes": 64}
    with pytest.raises(RunError) as caught:
        run(folder, recipe_values(train={"batch_size": 64}, resources=asked))
    assert caught.value.code == FailureCode.DEVICE_MISSING
    assert "resources.processes is 64" in caught.value.detail


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"task": "object-detection"}, "runs in one process"),
        ({"train": {"batch_size": 1}}, "at least one sample"),
        ({"resources": {"processes": 1, "strategy": "ddp"}}, "no effect with one process"),
        (
            {"train": {"mixed_precision": "fp16"}, "resources": {"strategy": "fsdp2"}},
            "cannot go with",
        ),
    ],
)
def test_what_processes_cannot_share_is_refused(changes: Values, sentence: str) -> None:
    values = merged(recipe_values(resources={"processes": 2}), changes)
    with pytest.raises(RecipeError) as caught:
        recipe_from_values(values)
    assert sentence in caught.value.problems[0].message
