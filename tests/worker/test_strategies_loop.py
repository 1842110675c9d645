"""Ways of training that change the update itself, through small runs."""

from pathlib import Path

import pytest
import torch

from tests.worker.builders import Run, recipe_values, run, stage
from tests.worker.test_training import StopAfter, same, weights_of
from worker.contract.failures import FailureCode, RunError
from worker.training.loop import StoppedError

PLAIN = {"batch_norm": "eval"}


def close(one: Run, other: Run) -> bool:
    ours, theirs = weights_of(one), weights_of(other)
    return all(torch.allclose(ours[k], theirs[k], atol=1e-5) for k in ours)


def test_accumulated_batches_make_the_update_of_the_large_one(folder: Path) -> None:
    large = run(folder, recipe_values(stage(**PLAIN), train={"batch_size": 6}), out="a")
    small = run(
        folder,
        recipe_values(stage(**PLAIN), train={"batch_size": 2, "gradient_accumulation_steps": 3}),
        out="b",
    )
    assert close(large, small)
    assert small.result.stages[0].steps == large.result.stages[0].steps


def test_memory_that_runs_out_halves_the_parts_and_leaves_the_update(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = recipe_values(stage(**PLAIN))
    whole = run(folder, values, out="whole")
    from worker.data.inputs import ImageSplit

    take = ImageSplit.take

    def scarce(self: ImageSplit, indices: torch.Tensor, *, train: bool) -> object:
        if train and len(indices) > 2:
            raise torch.OutOfMemoryError("as a full GPU says it")
        return take(self, indices, train=train)

    monkeypatch.setattr(ImageSplit, "take", scarce)
    tight = run(folder, values, out="tight")
    assert close(whole, tight)
    lines = [line for event in tight.of_kind("LogWritten") for line in event.lines]
    assert [line.partition(":")[0] for line in lines].count("memory ran out") == 2


def test_memory_that_is_never_enough_ends_with_advice(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from worker.data.inputs import ImageSplit

    take = ImageSplit.take

    def none(self: ImageSplit, indices: torch.Tensor, *, train: bool) -> object:
        if train:
            raise torch.OutOfMemoryError("as a full GPU says it")
        return take(self, indices, train=train)

    monkeypatch.setattr(ImageSplit, "take", none)
    with pytest.raises(RunError, match="image_size") as caught:
        run(folder, recipe_values())
    assert caught.value.code == FailureCode.OUT_OF_MEMORY


def test_blocks_computed_twice_give_the_same_weights(folder: Path) -> None:
    kept = run(folder, recipe_values(stage(epochs=2)), out="a")
    twice = run(
        folder,
        recipe_values(stage(epochs=2), train={"gradient_checkpointing": True}),
        out="b",
    )
    assert close(kept, twice)


def test_a_few_batches_without_a_finite_loss_are_passed_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from worker.data.inputs import ImageSplit

    take, calls = ImageSplit.take, []

    def spoiled(self: ImageSplit, indices: torch.Tensor, *, train: bool) -> object:
        batch = take(self, indices, train=train)
        if train:
            calls.append(1)
            if len(calls) == 2:
                batch.inputs = batch.inputs * float("nan")
        return batch

    monkeypatch.setattr(ImageSplit, "take", spoiled)
    done = run(folder, recipe_values(stage(epochs=2, **PLAIN)), out="one")
    lines = [line for event in done.of_kind("LogWritten") for line in event.lines]
    assert sum("passed over" in line for line in lines) == 1
    calls.clear()
    with pytest.raises(RunError) as caught:
        run(folder, recipe_values(stage(**PLAIN), train={"max_bad_batches": 0}), out="two")
    assert caught.value.code == FailureCode.DIVERGED
    assert ".png" in caught.value.detail


@pytest.mark.parametrize("questions", [4, 9, 13])
def test_a_resumed_run_with_every_way_equals_an_uninterrupted_one(
    folder: Path, questions: int
) -> None:
    values = recipe_values(
        stage(name="one", epochs=2, optimizer={"name": "adamw", "lr": "auto"}),
        augment={"mixup_alpha": 0.2, "cutmix_alpha": 1, "random_erasing": 0.5},
        train={"model_ema_decay": 0.9, "gradient_accumulation_steps": 2, "batch_size": 3},
        data={"imbalance": {"sampler": "oversample"}},
    )
    whole = run(folder, values, out="whole")
    with pytest.raises(StoppedError):
        run(folder, values, out="part", control=StopAfter(questions))
    (checkpoint,) = sorted((folder / "part/out/checkpoints").iterdir())[-1:]
    rest = run(folder, values, out="rest", resume_from=checkpoint)
    assert same(weights_of(whole), weights_of(rest))


def test_the_running_mean_is_what_is_measured_and_kept(folder: Path) -> None:
    settings = {"name": "sgd", "lr": 0.1}
    plain = run(folder, recipe_values(stage(optimizer=settings)), out="a")
    mean = run(
        folder,
        recipe_values(stage(optimizer=settings), train={"model_ema_decay": 0.99}),
        out="b",
    )
    assert plain.losses() == mean.losses()
    assert not same(weights_of(plain), weights_of(mean))
    (epoch,) = mean.of_kind("EpochFinished")
    assert epoch.validation_loss == pytest.approx(mean.result.splits["validation"].loss, abs=1e-6)


@pytest.mark.parametrize("name", ["nadam", "radam", "adafactor", "muon"])
def test_more_optimizers_learn_the_colours(folder: Path, name: str) -> None:
    values = recipe_values(stage(epochs=6, optimizer={"name": name, "lr": 0.01}))
    done = run(folder, values)
    assert done.losses()[-1] < done.losses()[0]


def test_a_found_rate_learns_and_is_told(folder: Path) -> None:
    done = run(folder, recipe_values(stage(epochs=3, optimizer={"name": "adamw", "lr": "auto"})))
    (started,) = done.of_kind("StageStarted")
    (rate,) = [group.lr for group in started.groups][:1]
    assert 1e-6 < rate < 1
    assert done.losses()[-1] < done.losses()[0]
    assert (done.out / "out/result/pictures/rate-1.png").stat().st_size > 500


def test_pictures_grow_within_a_stage_and_end_full(folder: Path) -> None:
    values = recipe_values(stage(epochs=2), augment={"progressive_resizing": [12, 16]})
    assert run(folder, values).result.stages[0].steps > 0
    sizes = {"augment": {"progressive_resizing": [24]}, "data": {"image_size": 32}}
    small = recipe_values(architecture="timm/test_vit", **sizes)
    with pytest.raises(RunError, match="takes no pictures of 24 pixels"):
        run(folder, small, out="two")
