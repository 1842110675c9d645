"""Finding boxes and naming pixels, from recipe to a model that others can load."""

import json
from pathlib import Path

import pytest
import torch

from tests.worker.builders import (
    Run,
    Values,
    fresh_python,
    merged,
    plan_of,
    recipe_values,
    run,
    stage,
)
from tests.worker.shapes import write_boxes, write_masks
from worker.alone import Search, prepare
from worker.contract.recipe_text import RecipeError, recipe_from_values
from worker.data.dense import Boxes, boxes_of_row
from worker.data.samples import open_samples
from worker.evaluation.detection import Found, matched, mean_average_precision
from worker.evaluation.segmentation import outline, pixel_table, table_values
from worker.modeling.weights import read_weights
from worker.task import Setting
from worker.tasks import task_of

SIDE = 32
ADAM: Values = {"name": "adamw", "lr": 3e-3}
TASKS = ("object-detection", "image-segmentation")


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("shapes")
    return {
        "object-detection": write_boxes(root / "boxes", train=8, val=4, side=SIDE),
        "image-segmentation": write_masks(root / "masks", train=8, val=4, side=SIDE),
    }


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest, tmp_path: Path, shapes: dict[str, Path]) -> str:
    """Return a task; `data` in the test's folder is its small data set."""
    name: str = request.param
    (tmp_path / "data").symlink_to(shapes[name])
    return name


def values_of(task: str, *stages: Values, **over: object) -> Values:
    base = recipe_values(
        *(stages or (stage(optimizer=ADAM),)), task=task, data={"image_size": SIDE}
    )
    return merged(base, over)  # type: ignore[arg-type] # values of a recipe, as everywhere here


def weights_of(done: Run) -> dict[str, torch.Tensor]:
    return read_weights(done.out / "out/result/model.safetensors")


def snippet_of(done: Run) -> str:
    card = (done.out / "out/result/README.md").read_text(encoding="utf-8")
    return card.rpartition("```python\n")[2].partition("```")[0]


def test_a_stage_trains_the_groups_it_names_and_nothing_else(task: str, tmp_path: Path) -> None:
    values = values_of(
        task,
        stage(["head"], name="head", optimizer=ADAM),
        stage(["last:2", "head"], name="last", optimizer={"lr": 1e-12}),
    )
    done = run(tmp_path, values)
    told = done.of_kind("PlanResolved")[0]
    head, last = told.stages
    assert [group.name for group in head.groups] == ["head"]
    assert head.trainable_count < last.trainable_count < told.total_count
    setting = Setting(done.plan, torch.device("cpu"), tmp_path / "cache")
    before = task_of(done.plan.recipe.task, setting).build().module.state_dict()
    after = weights_of(done)
    changed = {
        name
        for name, tensor in before.items()
        if "running" not in name and "tracked" not in name
        if not torch.allclose(tensor, after[name], atol=1e-6)
    }
    assert changed
    assert all(name.startswith("head.") for name in changed)


def test_a_fixed_seed_gives_the_same_weights_twice_with_random_changes(
    task: str, tmp_path: Path
) -> None:
    values = values_of(task, augment={"preset": "basic"})
    one, two = run(tmp_path, values, out="one"), run(tmp_path, values, out="two")
    first, second = weights_of(one), weights_of(two)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_published_model_is_a_base_for_the_next_recipe(task: str, tmp_path: Path) -> None:
    first = run(tmp_path, values_of(task, stage(epochs=2, optimizer=ADAM)), out="a")
    (tmp_path / "published").symlink_to(first.out / "out/result")
    kept = values_of(
        task,
        stage(["head"], optimizer={"lr": 1e-12}),
        model={"base": {"repo": "published", "weights": "pretrained"}, "head": {"type": "keep"}},
    )
    second = run(tmp_path, kept, out="b")
    assert second.result.headline.values == pytest.approx(first.result.headline.values, abs=1e-6)
    assert second.result.headline.loss == pytest.approx(first.result.headline.loss, rel=1e-4)


def test_changes_that_leave_boxes_and_masks_behind_are_refused(task: str, tmp_path: Path) -> None:
    values = values_of(task, augment={"preset": "randaugment"}, data={"image_size": 50})
    examination, _ = prepare(
        recipe_from_values(values), Search((tmp_path,)), None, tmp_path / "run"
    )
    assert {"CHANGE_LEAVES_TARGETS", "SIDE_UNFIT"} <= {one.code for one in examination.errors}


def test_keys_without_a_meaning_are_refused(task: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"data\.imbalance has no effect"):
        recipe_from_values(values_of(task, data={"imbalance": {"class_weight": "balanced"}}))


def test_the_code_on_the_card_finds_the_boxes_of_the_page(
    tmp_path: Path, shapes: dict[str, Path]
) -> None:
    (tmp_path / "data").symlink_to(shapes["object-detection"])
    done = run(tmp_path, values_of("object-detection", stage(epochs=10, optimizer=ADAM)))
    pictures = [str(tmp_path / f"data/val/images/{number}.png") for number in range(4)]
    use = f"print(json.dumps([detect(path, 0.05) for path in {pictures}]))"
    told = json.loads(fresh_python(f"{snippet_of(done)}\n{use}", done.out / "out/result"))
    number = {label: index for index, label in enumerate(done.plan.classes)}
    found = [
        Found(
            torch.tensor([one["box"] for one in row]).reshape(-1, 4),
            torch.tensor([one["score"] for one in row]),
            torch.tensor([number[one["label"]] for one in row], dtype=torch.int64),
        )
        for row in told
    ]
    _, places = plan_of(tmp_path, values_of("object-detection"))
    annotations = json.loads((places.data / "val/annotations.json").read_text())
    names = {one["id"]: one["name"] for one in annotations["categories"]}
    true = []
    for picture in range(4):
        objects = [
            {"bbox": one["bbox"], "category": names[one["category_id"]], "iscrowd": 0}
            for one in annotations["annotations"]
            if one["image_id"] == picture
        ]
        true.append(boxes_of_row({"objects": objects}, number, 1.0))
    expected = done.result.splits["validation"].values
    assert expected["map_50"] > 0
    assert mean_average_precision(found, true) == pytest.approx(expected, abs=1e-4)


def test_the_code_on_the_card_names_the_pixels_of_the_page(
    tmp_path: Path, shapes: dict[str, Path]
) -> None:
    (tmp_path / "data").symlink_to(shapes["image-segmentation"])
    done = run(tmp_path, values_of("image-segmentation", stage(epochs=3, optimizer=ADAM)))
    pictures = [str(tmp_path / f"data/val/images/{number}.png") for number in range(4)]
    use = (
        "right = known = 0\n"
        f"for path in {pictures}:\n"
        "    true = functional.pil_to_tensor(Image.open(path.replace('images', 'masks')))[0]\n"
        "    right += int(((segment(path) == true) & (true != 255)).sum())\n"
        "    known += int((true != 255).sum())\n"
        "print(right / known)"
    )
    printed = fresh_python(f"{snippet_of(done)}\n{use}", done.out / "out/result")
    expected = done.result.splits["validation"].values["pixel_accuracy"]
    assert float(printed) == pytest.approx(expected, abs=1e-6)


def test_mean_average_precision_is_that_of_a_case_by_hand() -> None:
    crowd = torch.zeros(2, dtype=torch.bool)
    kinds = torch.tensor([0, 0])
    true = [Boxes(torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 30]]), kinds, crowd)]
    # The surest box meets an object exactly, the next one nothing, the last the other one at 0.62.
    boxes = torch.tensor([[0.0, 0, 10, 10], [50, 50, 60, 60], [20, 20, 30, 26.2]])
    found = [Found(boxes, torch.tensor([0.9, 0.8, 0.7]), torch.tensor([0, 0, 0]))]
    values = mean_average_precision(found, true)
    # 101 points of recall: precision 1 up to a half (51 points), then 2/3 (50 points).
    both, one = (51 + 50 * 2 / 3) / 101, 51 / 101
    assert values["map_50"] == pytest.approx(both, abs=1e-4)
    # The second object is met at 0.5, 0.55 and 0.6, and at no higher overlap.
    assert values["map_50_95"] == pytest.approx((3 * both + 7 * one) / 10, abs=1e-4)
    assert matched(boxes, true[0].boxes_M4) == 2


def test_pixels_of_no_class_do_not_count() -> None:
    true = torch.tensor([[0, 0, 1, 255], [1, 1, 1, 255]])
    found = torch.tensor([[0, 1, 1, 0], [1, 1, 0, 1]])
    table = pixel_table(found, true, 3)
    assert table.tolist() == [[1, 1, 0], [1, 3, 0], [0, 0, 0]]
    values = table_values(table.double())
    assert values["mean_iou"] == pytest.approx((1 / 3 + 3 / 5) / 2)
    assert values["mean_dice"] == pytest.approx((2 / 4 + 6 / 8) / 2)
    assert values["pixel_accuracy"] == pytest.approx(4 / 6)


def test_a_mask_is_drawn_as_bars() -> None:
    mask = torch.tensor([[False, True, True], [True, False, True]])
    assert outline(mask) == "M1 0h2v1h-2zM0 1h1v1h-1zM2 1h1v1h-1z"


@pytest.mark.parametrize(("name", "expected"), [("RandomHorizontalFlip", 1.0)])
def test_boxes_and_masks_move_with_their_picture(
    tmp_path: Path, shapes: dict[str, Path], name: str, expected: float
) -> None:
    for task, kind in zip(TASKS, ("boxes", "masks"), strict=True):
        (tmp_path / kind).symlink_to(shapes[task])
        values = values_of(
            task,
            data={"train": {"repo": kind}, "normalize": "none"},
            augment={"ops": [{name: expected}]},
        )
        plan, places = plan_of(tmp_path, values)
        made = task_of(plan.recipe.task, Setting(plan, torch.device("cpu"), tmp_path / "cache"))
        train = made.load(open_samples(plan, places.data, None))["train"]
        some = torch.tensor([0, 1])
        plain, turned = train.take(some, train=False), train.take(some, train=True)
        assert torch.equal(plain.inputs.flip(-1), turned.inputs)
        if kind == "masks":
            assert torch.equal(plain.targets.flip(-1), turned.targets)
            continue
        for before, after in zip(plain.targets, turned.targets, strict=True):
            edges = before.boxes_M4[:, [2, 1, 0, 3]]
            edges[:, [0, 2]] = SIDE - edges[:, [0, 2]]
            assert torch.allclose(edges, after.boxes_M4)
            assert torch.equal(before.classes_M, after.classes_M)
