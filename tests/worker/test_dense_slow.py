"""What finding boxes and naming pixels must achieve on shapes, with true ImageNet weights."""

from pathlib import Path

import pytest

from tests.worker.builders import Values, merged, recipe_values, run, stage
from tests.worker.shapes import write_boxes, write_masks
from worker.modeling.weights import wheel_weights

BASE = "torchvision/mobilenet_v2"


def values_of(task: str, side: int, epochs: int) -> Values:
    learn: Values = {
        "epochs": epochs,
        "optimizer": {"name": "adamw", "lr": 1e-3},
        "batch_norm": "eval",
    }
    base = recipe_values(stage(**learn), task=task, architecture=BASE)
    return merged(
        base,
        {
            "model": {"base": {"weights": "pretrained"}},
            "data": {"image_size": side},
            "augment": {"ops": ["RandomHorizontalFlip"]},
            "train": {"batch_size": 8},
        },
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_detector_finds_shapes_after_three_epochs(tmp_path: Path) -> None:
    write_boxes(tmp_path / "data", train=80, val=20, side=128)
    done = run(tmp_path, values_of("object-detection", 128, 3), weights=wheel_weights(BASE))
    assert done.result.headline.values["map_50"] >= 0.5


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_segmenter_outlines_shapes(tmp_path: Path) -> None:
    write_masks(tmp_path / "data", train=60, val=15, side=64)
    done = run(tmp_path, values_of("image-segmentation", 64, 8), weights=wheel_weights(BASE))
    assert done.result.headline.values["mean_iou"] >= 0.7
