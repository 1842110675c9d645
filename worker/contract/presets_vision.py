"""Ready-made ways of fine-tuning for boxes, masks and numbers from pictures."""

from collections.abc import Callable

from pydantic import JsonValue

from worker.contract.base import N_
from worker.contract.tasks import TaskName

Values = dict[str, JsonValue]
_NUMBER: tuple[TaskName, ...] = ("image-regression",)
_DENSE: tuple[TaskName, ...] = ("object-detection", "image-segmentation")


def _places() -> Values:
    """Return the two stages that were measured on real cells; sides are multiples of 32."""
    head: Values = {
        "name": "head",
        "train": ["head"],
        "epochs": 2,
        "optimizer": {"name": "adamw", "lr": 2e-3},
    }
    everything: Values = {
        "name": "all",
        "train": "all",
        "epochs": 14,
        "optimizer": {"name": "adamw", "lr": 3e-4, "max_grad_norm": 10},
        "scheduler": {"name": "cosine", "warmup_ratio": 0.1},
        "lr_by_group": {"head": 2e-3},
        "batch_norm": "eval",
    }
    return {
        "data": {"image_size": 224},
        "augment": {"ops": ["RandomHorizontalFlip"]},
        "train": {
            "batch_size": 8,
            "early_stopping": {"patience": 6},
            "stages": [head, everything],
        },
    }


def _places_head() -> Values:
    head: Values = {
        "name": "head",
        "train": ["head"],
        "epochs": 12,
        "optimizer": {"name": "adamw", "lr": 2e-3},
    }
    return {"data": {"image_size": 224}, "train": {"batch_size": 8, "stages": [head]}}


def _numbers() -> Values:
    head: Values = {
        "name": "head",
        "train": ["head"],
        "epochs": 10,
        "optimizer": {"name": "adamw", "lr": 3e-3},
    }
    everything: Values = {
        "name": "all",
        "train": "all",
        "epochs": 8,
        "optimizer": {"name": "adamw", "lr": 1e-4},
        "scheduler": {"name": "cosine", "warmup_ratio": 0.1},
        "batch_norm": "eval",
    }
    return {
        "train": {
            "batch_size": 32,
            "early_stopping": {"patience": 5},
            "stages": [head, everything],
        }
    }


# key, title, summary, values, tasks
VISION_WAYS: tuple[tuple[str, str, str, Callable[[], Values], tuple[TaskName, ...]], ...] = (
    (
        "places-then-all",
        N_("Head on all places, then all"),
        N_("First a new head that looks at every place of the picture, then the whole network."),
        _places,
        _DENSE,
    ),
    (
        "places-head",
        N_("Head on all places"),
        N_("Freeze the network and train only the head that looks at every place."),
        _places_head,
        _DENSE,
    ),
    (
        "number-then-all",
        N_("A number, head then all"),
        N_("First a new last layer that gives one number, then the whole network."),
        _numbers,
        _NUMBER,
    ),
)
