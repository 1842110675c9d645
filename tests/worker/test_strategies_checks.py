"""What ways of training promise, each checked by what it leaves behind."""

from pathlib import Path

import pytest
import torch

from tests.worker.builders import (
    Values,
    plan_of,
    recipe_values,
    run,
    stage,
    write_weights_of,
)
from worker.contract.attempt import RESULT_FOLDER
from worker.contract.bases import PinnedBase
from worker.contract.run_events import StageStarted
from worker.modeling.network import build_network
from worker.modeling.weights import read_weights
from worker.training.stage import count_stages

PRETRAINED: Values = {"base": {"weights": "pretrained"}}


def test_a_pull_to_the_start_keeps_trained_layers_near_it(folder: Path) -> None:
    weights = write_weights_of(folder, "timm/test_resnet")
    start = read_weights(weights)

    def moved(strength: float, out: str) -> float:
        values = recipe_values(stage(epochs=2), model=PRETRAINED, train={"l2_sp": strength})
        done = run(folder, values, weights=weights, out=out)
        after = read_weights(done.out / RESULT_FOLDER / "model.safetensors")
        kernels = [name for name in start if start[name].dim() > 2]
        return sum(float((after[name] - start[name]).square().sum()) for name in kernels)

    assert moved(5.0, "near") < moved(0.0, "free") / 2


def test_decay_of_adamw_stands_beside_the_gradient_and_that_of_adam_in_it() -> None:
    from worker.contract.stages import Optimizer
    from worker.modeling.param_groups import RateGroup
    from worker.training.optimizers import build_optimizer

    def updated(name: str) -> float:
        weight = torch.nn.Parameter(torch.tensor([[2.0]]))
        settings = Optimizer.model_validate({"name": name, "lr": 0.1, "weight_decay": 0.5})
        optimizer = build_optimizer(settings, [RateGroup("all", 0.1, [weight], [])])
        weight.grad = torch.tensor([[-0.5]])
        optimizer.step()
        return float(weight.detach())

    # A first step is lr in the direction of the gradient: -0.5 alone, or -0.5 + 0.5 * 2.
    assert updated("adamw") == pytest.approx(2.0 * (1 - 0.1 * 0.5) + 0.1, abs=1e-4)
    assert updated("adam") == pytest.approx(2.0 - 0.1, abs=1e-4)


def test_trying_rates_leaves_no_trace(folder: Path) -> None:
    auto: Values = {"name": "adamw", "lr": "auto"}
    found = run(folder, recipe_values(stage(epochs=2, optimizer=auto)), out="auto")
    [started] = [event for event in found.events if isinstance(event, StageStarted)]
    rate = started.groups[0].lr

    given = run(
        folder,
        recipe_values(stage(epochs=2, optimizer={"name": "adamw", "lr": rate})),
        out="given",
    )

    assert found.losses() == pytest.approx(given.losses(), rel=1e-5)


def test_only_training_pictures_change_from_pass_to_pass(folder: Path) -> None:
    from worker.data.samples import open_samples
    from worker.task import Setting
    from worker.tasks import task_of

    plan, places = plan_of(folder, recipe_values(augment={"preset": "trivialaugment"}))
    task = task_of(plan.recipe.task, Setting(plan, torch.device("cpu"), folder / "cache"))
    samples = open_samples(plan, places.data, None)
    task.look(samples)
    splits = task.load(samples)
    indices = torch.arange(3)

    def same(name: str, *, train: bool) -> bool:
        one, two = (splits[name].take(indices, train=train).inputs for _ in range(2))
        return torch.equal(one, two)

    assert same("test", train=False)
    assert same("validation", train=False)
    assert not same("train", train=True)


def test_rates_that_shrink_by_block_count_every_parameter_once(folder: Path) -> None:
    values = recipe_values(stage(layer_decay=0.5, optimizer={"name": "adamw", "lr": 0.08}))
    network = build_network(plan_of(folder, values)[0], None)

    [told] = count_stages(network, plan_of(folder, values)[0].recipe.stages)

    rates = [group.lr for group in told.groups]
    assert sum(group.count for group in told.groups) == told.trainable_count
    assert told.trainable_count == network.total_count
    ordered = sorted(rates, reverse=True)
    assert ordered == pytest.approx([0.08 * 0.5**depth for depth in range(len(rates))])


def test_bert_opens_layer_by_layer_from_its_head(folder: Path) -> None:
    from worker.contract.stages import GradualUnfreezing, expand_stages
    from worker.modeling.language import build_language

    config: Values = {"model_type": "bert", "id2label": {"0": "bad", "1": "good"}}
    base = PinnedBase.from_config("a/b", None, config).model_copy(update={"weights": "random"})
    macro: Values = {"gradual_unfreezing": "head-to-stem", "groups": 4}
    macro["optimizer"] = {"name": "adamw", "lr": 2e-5}
    with torch.device("meta"):
        network = build_language(
            base, "AutoModelForSequenceClassification", None, 0, keeps_head=False, config={}
        )

    counts = count_stages(network, expand_stages((GradualUnfreezing.model_validate(macro),)))

    head, pooler, layer = 1_538, 590_592, 7_087_872
    assert [told.trainable_count for told in counts][:5] == [
        head,
        *(head + pooler + number * layer for number in range(4)),
    ]
