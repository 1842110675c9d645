from pathlib import Path

import pytest
import torch

from tests.worker.builders import plan_of, recipe_values, run, stage, write_images, write_weights_of
from worker.contract.failures import FailureCode, RunError
from worker.modeling.architectures import build_architecture
from worker.modeling.freezing import set_trainable
from worker.modeling.groups import divide
from worker.modeling.heads import head_path
from worker.modeling.network import build_network
from worker.modeling.weights import read_weights

FAMILIES = [
    "torchvision/resnet18",
    "torchvision/resnet50",
    "torchvision/vgg16",
    "torchvision/vgg16_bn",
    "torchvision/mobilenet_v2",
    "torchvision/mobilenet_v3_small",
    "torchvision/efficientnet_b0",
    "torchvision/densenet121",
    "torchvision/convnext_tiny",
    "torchvision/vit_b_32",
    "torchvision/swin_t",
    "torchvision/regnet_y_400mf",
    "timm/tf_efficientnet_lite0",
    "timm/vit_tiny_patch16_224",
    "timm/resnet18",
    "timm/convnext_atto",
]


@pytest.fixture
def ten_classes(tmp_path: Path) -> Path:
    from PIL import Image

    for label in range(10):
        for number in range(4):
            path = tmp_path / "data" / f"class{label}" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (label * 20, number * 60, 5)).save(path)
    return tmp_path


@pytest.mark.parametrize(
    ("architecture", "changes", "train", "image_size", "counts"),
    [
        ("torchvision/resnet50", {}, ["head"], 224, (20_490, 23_528_522)),
        (
            "torchvision/resnet50",
            {},
            ["layer4", "head"],
            224,
            (14_964_736 + 20_490, 23_528_522),
        ),
        (
            "torchvision/vgg16",
            {"head": {"type": "mlp", "hidden": [1024], "pool": "flatten"}},
            ["head"],
            224,
            (25_701_386, 25_701_386 + 14_714_688),
        ),
        (
            "torchvision/resnet18",
            {
                "stem": {
                    "replace": {
                        "conv1": {"kernel_size": 3, "stride": 1, "padding": 1},
                        "maxpool": {"identity": True},
                    }
                }
            },
            "all",
            32,
            (11_173_962, 11_173_962),
        ),
    ],
)
def test_a_stage_trains_exactly_the_parameters_it_names(
    ten_classes: Path,
    architecture: str,
    changes: dict,
    train: object,
    image_size: int,
    counts: tuple[int, int],
) -> None:
    values = recipe_values(
        stage(train), architecture=architecture, model=changes, data={"image_size": image_size}
    )
    plan, _ = plan_of(ten_classes, values)
    network = build_network(plan, None)
    assert (set_trainable(network, plan.recipe.stages[0]), network.total_count) == counts


@pytest.mark.parametrize("name", FAMILIES)
def test_the_groups_of_every_family_hold_each_parameter_exactly_once(name: str) -> None:
    library, _, architecture = name.partition("/")
    network = build_architecture(library, architecture)
    groups = divide(network, head_path(network))
    names = [parameter for group in groups for parameter in group.names]
    assert sorted(names) == sorted(name for name, _ in network.named_parameters())
    assert groups[-1].name == "head"
    assert len({group.name for group in groups}) == len(groups) >= 5


def test_frozen_tensors_and_batch_norm_statistics_do_not_move(folder: Path) -> None:
    weights = write_weights_of(folder, "timm/test_resnet")
    values = recipe_values(
        stage(["head"], max_steps=20, cache_features="off"),
        model={"base": {"weights": "pretrained"}},
    )
    done = run(folder, values, weights=weights)
    before, after = read_weights(weights), read_weights(done.out / "out/result/model.safetensors")
    body = [name for name in before if not name.startswith("fc.")]
    assert any("running_mean" in name for name in body)
    assert all(torch.equal(before[name], after[name]) for name in body)


def test_only_the_named_block_and_the_head_change(folder: Path) -> None:
    weights = write_weights_of(folder, "timm/test_resnet")
    values = recipe_values(
        stage(["layer4", "head"], lr_by_group={"layer4": 0.01}),
        model={"base": {"weights": "pretrained"}},
    )
    done = run(folder, values, weights=weights)
    before, after = read_weights(weights), read_weights(done.out / "out/result/model.safetensors")
    moved = {
        name.split(".")[0]
        for name in before
        if before[name].shape != after[name].shape or not torch.equal(before[name], after[name])
    }
    assert moved == {"layer4", "fc"}
    (started,) = done.of_kind("StageStarted")
    assert {group.name: group.lr for group in started.groups} == {"layer4": 0.01, "head": 0.05}


def test_gradual_unfreezing_opens_one_more_group_in_each_stage(folder: Path) -> None:
    macro = {
        "gradual_unfreezing": "head-to-stem",
        "groups": 2,
        "final_epochs": 1,
        "layer_decay": 0.5,
        "optimizer": {"name": "sgd", "lr": 0.08},
    }
    done = run(folder, recipe_values(macro))
    stages = done.of_kind("StageStarted")
    assert [event.name for event in stages] == ["head", "last-1", "last-2", "all"]
    counts = [event.trainable_count for event in stages]
    assert counts == sorted(set(counts))
    assert counts[-1] == done.result.total_count
    rates = {group.name: group.lr for group in stages[-1].groups}
    assert rates["head"] == pytest.approx(0.08)
    assert rates["layer4"] == pytest.approx(0.04)
    assert rates["layer1"] == pytest.approx(0.005)
    assert sum(group.count for group in stages[-1].groups) == done.result.total_count


def test_a_typo_in_a_selector_is_an_error_that_names_the_groups(folder: Path) -> None:
    with pytest.raises(RunError) as caught:
        run(folder, recipe_values(stage(["layer5", "head"])))
    assert caught.value.code == FailureCode.RECIPE_INVALID
    assert "'layer5' matches nothing" in caught.value.detail
    assert "layer4" in caught.value.detail


def test_a_rate_for_a_frozen_group_is_an_error(folder: Path) -> None:
    with pytest.raises(RunError, match="layer1"):
        run(folder, recipe_values(stage(["head"], lr_by_group={"layer1": 0.1})))


def test_a_new_stem_keeps_the_direction_of_the_pretrained_kernels(ten_classes: Path) -> None:
    weights = write_weights_of(ten_classes, "torchvision/resnet18")
    surgery = {"replace": {"conv1": {"kernel_size": 3}, "maxpool": {"identity": True}}}
    values = recipe_values(
        stage(),
        architecture="torchvision/resnet18",
        model={"base": {"weights": "pretrained"}, "stem": surgery},
        data={"image_size": 32},
    )
    plan, _ = plan_of(ten_classes, values, weights)
    new = build_network(plan, weights).module.get_parameter("conv1.weight")
    middle = read_weights(weights)["conv1.weight"][:, :, 2:5, 2:5]
    likeness = torch.nn.functional.cosine_similarity(new.flatten(1), middle.flatten(1))
    assert new.shape == (64, 3, 3, 3)
    assert bool((likeness > 0.9999).all())


def test_keeping_a_head_needs_the_same_classes(folder: Path) -> None:
    with pytest.raises(RunError, match="classes"):
        run(folder, recipe_values(model={"head": {"type": "keep"}}))


def test_more_groups_than_the_network_has_is_an_error(tmp_path: Path) -> None:
    write_images(tmp_path / "data")
    with pytest.raises(RunError, match="last:40"):
        run(tmp_path, recipe_values(stage(["last:40", "head"])))
