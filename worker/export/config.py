"""The config.json of a model repository: what rebuilds the network and prepares its images."""

from collections.abc import Sequence

from pydantic import JsonValue

from worker.contract.bases import PinnedBase, Preprocessing
from worker.contract.recipe import Head, Stem

_TASK = "image-classification"
_RESAMPLE = {"nearest": 0, "bilinear": 2, "bicubic": 3}


def config_values(
    base: PinnedBase,
    labels: Sequence[str],
    preprocessing: Preprocessing | None = None,
    head: Head | None = None,
    stem: Stem | None = None,
) -> dict[str, JsonValue]:
    """Return the values of config.json; timm reads its own part of them as it is.

    Args:
        base: library and architecture, and what is not given otherwise.
        labels: the classes in the order of the scores.
        preprocessing: how images are prepared.
        head: the head as seen from the plain architecture.
        stem: the stem as seen from the plain architecture.
    """
    numbers = preprocessing or base.preprocessing
    size = numbers.image_size
    shown: JsonValue = numbers.model_dump(mode="json")
    return {
        "architecture": base.architecture,
        "library_name": base.library,
        "task": _TASK,
        "num_classes": len(labels),
        "labels": list(labels),
        "label_names": list(labels),
        "head": (head or base.head).model_dump(mode="json", exclude_defaults=True),
        "stem": (stem or base.stem).model_dump(mode="json", exclude_defaults=True),
        "preprocessing": shown,
        "pretrained_cfg": {
            "mean": list(numbers.mean),
            "std": list(numbers.std),
            "input_size": [3, size, size],
            "interpolation": numbers.interpolation,
            "crop_pct": numbers.crop_pct,
            "num_classes": len(labels),
        },
    }


def preprocessor_values(numbers: Preprocessing) -> dict[str, JsonValue]:
    """Return the same preparation in the words that transformers uses."""
    size = numbers.image_size
    return {
        "do_resize": True,
        "size": {"shortest_edge": round(size / numbers.crop_pct)},
        "do_center_crop": True,
        "crop_size": {"height": size, "width": size},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(numbers.mean),
        "image_std": list(numbers.std),
        "resample": _RESAMPLE[numbers.interpolation],
    }
