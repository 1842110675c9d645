import math
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.transforms.v2 import functional

from tests.worker.builders import Run, plan_of, recipe_values, run, stage
from worker.contract.failures import FailureCode, RunError
from worker.contract.images import decode_image
from worker.contract.inventory import take_inventory
from worker.contract.plan import Plan
from worker.contract.sources import FolderSource
from worker.contract.splits import Splits, assign_splits
from worker.modeling.network import build_network
from worker.modeling.weights import read_weights
from worker.training.loop import StoppedError


def weights_of(done: Run) -> dict[str, torch.Tensor]:
    return read_weights(done.out / "out/result/model.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def splits_of(plan: Plan, data: Path) -> Splits:
    inventory = take_inventory(FolderSource(data))
    return assign_splits(inventory, None, plan.recipe.data, plan.recipe.reproducibility.seed)


def test_a_fixed_seed_gives_the_same_weights_twice(folder: Path) -> None:
    values = recipe_values(stage(epochs=2), augment={"preset": "trivialaugment"})
    one, two = run(folder, values, out="one"), run(folder, values, out="two")
    assert same(weights_of(one), weights_of(two))
    assert one.losses() == two.losses()
    other = run(folder, {**values, "reproducibility": {"seed": 4}}, out="three")
    assert not same(weights_of(one), weights_of(other))


def test_the_loss_is_that_of_a_plain_torch_loop(folder: Path) -> None:
    settings = {"name": "sgd", "lr": 0.05, "momentum": 0.9, "weight_decay": 0}
    values = recipe_values(stage(epochs=3, optimizer=settings))
    plan, _ = plan_of(folder, values)
    facts = splits_of(plan, folder / "data").train
    numbers = plan.preprocessing
    images, labels = [], []
    for fact in facts:
        picture = decode_image((folder / "data" / fact.path).read_bytes())
        pixels = functional.to_dtype(functional.pil_to_tensor(picture), scale=True)
        images.append(functional.normalize(pixels, list(numbers.mean), list(numbers.std)))
        labels.append(plan.classes.index(fact.label))
    inputs, targets = torch.stack(images), torch.tensor(labels)
    model = build_network(plan, None).module.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    expected = []
    for epoch in (1, 2, 3):
        generator = torch.Generator().manual_seed(3 * 1_000_003 + epoch)
        total = 0.0
        for batch in torch.randperm(len(targets), generator=generator).split(6):
            loss = nn.functional.cross_entropy(model(inputs[batch]), targets[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        expected.append(total / len(targets))
    assert run(folder, values).losses() == pytest.approx(expected, abs=1e-6)


def test_cached_features_give_the_result_of_uncached_ones(folder: Path) -> None:
    settings = {"name": "adamw", "lr": 0.01}
    cached = run(folder, recipe_values(stage(["head"], epochs=4, optimizer=settings)), out="a")
    plain = run(
        folder,
        recipe_values(stage(["head"], epochs=4, optimizer=settings, cache_features="off")),
        out="b",
    )
    assert [event.cached for event in cached.of_kind("StageStarted")] == [True]
    assert [event.cached for event in plain.of_kind("StageStarted")] == [False]
    assert cached.losses() == pytest.approx(plain.losses(), abs=1e-4)
    assert weights_of(cached)["fc.weight"] == pytest.approx(
        weights_of(plain)["fc.weight"], abs=1e-4
    )


def test_random_augmentation_is_never_cached(folder: Path) -> None:
    done = run(folder, recipe_values(stage(["head"]), augment={"preset": "basic"}))
    assert [event.cached for event in done.of_kind("StageStarted")] == [False]


class StopAfter:
    """Asks to stop at the n-th question."""

    def __init__(self, questions: int) -> None:
        self.left = questions

    def should_stop(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.mark.parametrize("questions", [1, 5, 8, 11, 14])
def test_a_resumed_run_equals_an_uninterrupted_one(folder: Path, questions: int) -> None:
    settings = {"name": "adamw", "lr": 0.003, "weight_decay": 0.01}
    values = recipe_values(
        stage(["head"], name="one", optimizer=settings),
        stage(name="two", epochs=2, optimizer=settings, scheduler={"name": "cosine"}),
        augment={"preset": "basic"},
        train={"early_stopping": {"patience": 5}},
    )
    whole = run(folder, values, out="whole")
    with pytest.raises(StoppedError):
        run(folder, values, out="part", control=StopAfter(questions))
    (checkpoint,) = sorted((folder / "part/out/checkpoints").iterdir())[-1:]
    rest = run(folder, values, out="rest", resume_from=checkpoint)
    assert same(weights_of(whole), weights_of(rest))
    assert rest.result.splits == whole.result.splits
    assert [s.steps for s in rest.result.stages] == [s.steps for s in whole.result.stages]


def test_a_damaged_checkpoint_is_refused(folder: Path) -> None:
    with pytest.raises(StoppedError):
        run(folder, recipe_values(), control=StopAfter(2))
    (checkpoint,) = (folder / "run/out/checkpoints").iterdir()
    path = checkpoint / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(RunError) as caught:
        run(folder, recipe_values(), out="again", resume_from=checkpoint)
    assert caught.value.code == FailureCode.CHECKPOINT_INVALID


def test_a_checkpoint_of_another_plan_is_refused(folder: Path) -> None:
    with pytest.raises(StoppedError):
        run(folder, recipe_values(), control=StopAfter(2))
    (checkpoint,) = (folder / "run/out/checkpoints").iterdir()
    with pytest.raises(RunError, match="another plan"):
        run(folder, recipe_values(stage(epochs=2)), out="again", resume_from=checkpoint)


def test_early_stopping_ends_the_stage_and_brings_the_best_weights_back(folder: Path) -> None:
    # A rate that grows useless at once: nothing improves after the first epochs.
    values = recipe_values(
        stage(epochs=30, optimizer={"lr": 1e-12}),
        train={"early_stopping": {"monitor": "validation/accuracy", "patience": 2}},
    )
    done = run(folder, values)
    epochs = done.of_kind("EpochFinished")
    (finished,) = done.of_kind("StageFinished")
    assert finished.reason == "early_stopping"
    best = max(epochs, key=lambda event: (event.validation_value, -event.epoch))
    assert len(epochs) == best.epoch + 2
    assert finished.restored_epoch == best.epoch
    measured = done.result.splits["validation"].value
    assert measured == pytest.approx(best.validation_value)


def test_a_loss_that_is_not_finite_ends_the_run_and_names_the_images(folder: Path) -> None:
    with pytest.raises(RunError) as caught:
        run(folder, recipe_values(stage(epochs=20, optimizer={"lr": 10, "momentum": 0.99})))
    assert caught.value.code == FailureCode.DIVERGED
    assert "loss is" in caught.value.detail


def test_the_time_limit_ends_the_run_with_a_checkpoint(folder: Path) -> None:
    with pytest.raises(RunError) as caught:
        run(folder, recipe_values(resources={"max_minutes": 1e-6}))
    assert caught.value.code == FailureCode.TIME_LIMIT
    assert len(list((folder / "run/out/checkpoints").iterdir())) == 1


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop"])
def test_every_optimizer_learns_the_colours(folder: Path, name: str) -> None:
    lr = 0.1 if name == "sgd" else 0.01
    done = run(folder, recipe_values(stage(epochs=6, optimizer={"name": name, "lr": lr})))
    assert done.losses()[-1] < done.losses()[0]


@pytest.mark.parametrize(
    ("scheduler", "first", "last"),
    [
        ({"name": "constant"}, 1.0, 1.0),
        ({"name": "linear"}, 1.0, 1 / 12),
        ({"name": "cosine"}, 1.0, 0.5 * (1 + math.cos(math.pi * 11 / 12))),
        ({"name": "one_cycle", "warmup_ratio": 0.25}, 1 / 25, 1e-4),
        ({"name": "step", "step_epochs": 1, "gamma": 0.5}, 1.0, 0.125),
        ({"name": "constant", "warmup_ratio": 0.5}, 1 / 6, 1.0),
    ],
)
def test_a_schedule_starts_and_ends_at_its_rates(
    folder: Path, scheduler: dict, first: float, last: float
) -> None:
    from worker.contract.stages import Scheduler
    from worker.training.schedules import rate_factor

    settings = Scheduler.model_validate(scheduler)
    assert rate_factor(settings, 0, 12, 3) == pytest.approx(first)
    assert rate_factor(settings, 11, 12, 3) == pytest.approx(last)
    done = run(folder, recipe_values(stage(epochs=1, scheduler=scheduler)))
    assert done.result.stages[0].steps == 4


def test_bias_and_norm_are_not_pulled_towards_zero(folder: Path) -> None:
    # No gradient reaches a frozen copy of the truth: with lr * decay = 0.5 a decayed weight halves.
    from worker.contract.stages import Optimizer
    from worker.modeling.freezing import set_trainable
    from worker.modeling.param_groups import rate_groups
    from worker.training.optimizers import build_optimizer

    plan, _ = plan_of(folder, recipe_values())
    network = build_network(plan, None)
    set_trainable(network, plan.recipe.stages[0])
    settings = Optimizer(name="adamw", lr=0.5, weight_decay=1.0)
    optimizer = build_optimizer(settings, rate_groups(network, plan.recipe.stages[0]))
    before = {name: p.detach().clone() for name, p in network.module.named_parameters()}
    for parameter in network.module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    for group in optimizer.param_groups:
        group["lr"] = 0.5
    optimizer.step()
    for name, parameter in network.module.named_parameters():
        factor = 0.5 if parameter.ndim > 1 else 1.0
        assert torch.allclose(parameter, before[name] * factor), name


def test_class_weights_follow_the_formulas() -> None:
    from worker.contract.training import Imbalance
    from worker.training.losses import class_weights

    counts = {"common": 90, "rare": 10}
    balanced = class_weights(Imbalance(class_weight="balanced"), ["common", "rare"], counts)
    assert balanced.tolist() == pytest.approx([100 / 180, 100 / 20])
    effective = class_weights(
        Imbalance(class_weight="effective-number"), ["common", "rare"], counts
    )
    ratio = (1 - 0.999**90) / (1 - 0.999**10)
    assert float(effective[1] / effective[0]) == pytest.approx(ratio, rel=1e-4)


def test_plateau_cuts_the_rate_when_validation_stands_still(folder: Path) -> None:
    values = recipe_values(
        stage(
            epochs=6,
            optimizer={"lr": 1e-12},
            batch_norm="eval",
            scheduler={"name": "plateau", "gamma": 0.5, "patience": 0},
        )
    )
    done = run(folder, values)
    rates = [p.lr["head"] for e in done.of_kind("StepsReported") for p in e.points]
    assert rates[0] == pytest.approx(1e-12)
    assert rates[-1] < 0.3e-12


def test_bf16_on_a_cpu_stays_close_to_full_numbers(folder: Path) -> None:
    # BatchNorm's statistics of six pictures would make much of a little rounding.
    full = run(folder, recipe_values(train={"batch_size": 24}), out="full")
    half = run(
        folder, recipe_values(train={"batch_size": 24, "mixed_precision": "bf16"}), out="half"
    )
    assert half.losses() == pytest.approx(full.losses(), rel=0.02)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
@pytest.mark.parametrize(
    "changes", [{"resources": {"device": "cuda"}}, {"train": {"mixed_precision": "fp16"}}]
)
def test_missing_hardware_is_said(folder: Path, changes: dict) -> None:
    with pytest.raises(RunError) as caught:
        run(folder, recipe_values(**changes))
    assert caught.value.code == FailureCode.DEVICE_MISSING
