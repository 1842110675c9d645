"""Ready-made ways of fine-tuning, offered by the form and explained in the guide."""

from collections.abc import Callable
from typing import NamedTuple

from pydantic import JsonValue

from worker.contract.presets_sound import SOUND_WAYS
from worker.contract.presets_text import TEXT_WAYS
from worker.contract.presets_vision import VISION_WAYS
from worker.contract.recipe import Recipe
from worker.contract.recipe_text import recipe_from_values
from worker.contract.tasks import TaskName

Values = dict[str, JsonValue]


class Preset(NamedTuple):
    """A named way of fine-tuning. `title` and `summary` are English; sites translate them.

    `tasks` are those it is made for, the usual one first.
    """

    key: str
    title: str
    summary: str
    build: Callable[[], Values]
    tasks: tuple[TaskName, ...] = ("image-classification",)


def _adamw(lr: float) -> Values:
    return {"name": "adamw", "lr": lr, "weight_decay": 0.01}


def _cosine() -> Values:
    return {"name": "cosine", "warmup_ratio": 0.1}


def _best_weights() -> Values:
    """Keep the weights of the best epoch, so that the last one cannot spoil the result."""
    return {"patience": 5}


def _head_stage(epochs: int) -> Values:
    return {"name": "head", "train": ["head"], "epochs": epochs, "optimizer": _adamw(3e-3)}


def _augmented(stage: Values) -> Values:
    return {
        "augment": {"preset": "basic"},
        "train": {"batch_size": 32, "early_stopping": _best_weights(), "stages": [stage]},
    }


def _quick_head() -> Values:
    return {"train": {"batch_size": 32, "stages": [_head_stage(10)]}}


def _head_then_all() -> Values:
    everything: Values = {
        "name": "all",
        "train": "all",
        "epochs": 5,
        "optimizer": _adamw(1e-4),
        "scheduler": _cosine(),
        "lr_by_group": {"head": 1e-3},
        # A few hundred pictures are too few to learn new statistics from: without this the loss
        # jumps where the stage begins, and a short stage does not come back.
        "batch_norm": "eval",
    }
    return {
        "train": {
            "batch_size": 32,
            "early_stopping": _best_weights(),
            "stages": [_head_stage(3), everything],
        },
    }


def _head_then_last() -> Values:
    last: Values = {
        "name": "last-block",
        "train": ["last:1", "head"],
        "epochs": 5,
        "optimizer": {"name": "sgd", "lr": 1e-2, "momentum": 0.9},
        "scheduler": _cosine(),
        "lr_by_group": {"last:1": 1e-3},
    }
    return {
        "train": {
            "batch_size": 32,
            "early_stopping": _best_weights(),
            "stages": [_head_stage(5), last],
        }
    }


def _gradual() -> Values:
    macro: Values = {
        "gradual_unfreezing": "head-to-stem",
        "groups": 3,
        "epochs_per_stage": 2,
        "layer_decay": 0.4,
        "optimizer": _adamw(1e-3),
        "scheduler": _cosine(),
    }
    return _augmented(macro)


def _full_small_rate() -> Values:
    stage: Values = {
        "name": "all",
        "train": "all",
        "epochs": 8,
        "optimizer": _adamw(1e-4),
        "scheduler": _cosine(),
        "layer_decay": 0.8,
    }
    return _augmented(stage)


def _small_images() -> Values:
    stage: Values = {
        "name": "all",
        "train": "all",
        "epochs": 10,
        "optimizer": {"name": "sgd", "lr": 2e-2, "momentum": 0.9, "weight_decay": 5e-4},
        "scheduler": {"name": "one_cycle", "warmup_ratio": 0.2},
    }
    return {
        "model": {
            "stem": {
                "replace": {
                    "conv1": {"kernel_size": 3, "stride": 1, "padding": 1},
                    "maxpool": {"identity": True},
                }
            }
        },
        "data": {"image_size": 32},
        "augment": {"ops": ["RandomHorizontalFlip", {"RandomCrop": {"padding": 4}}]},
        "train": {"batch_size": 64, "stages": [stage]},
    }


PRESETS: tuple[Preset, ...] = (
    Preset(
        "quick-head",
        "Quick head",
        "Freeze the whole network and train only a new last layer. Seconds to minutes.",
        _quick_head,
    ),
    Preset(
        "head-then-all",
        "Head, then all",
        "First the new head alone, then the whole network with a small rate.",
        _head_then_all,
    ),
    Preset(
        "head-then-last-block",
        "Head, then last block",
        "First the new head, then also the last block, each with its own rate.",
        _head_then_last,
    ),
    Preset(
        "gradual",
        "Gradual unfreezing",
        "Open the network block by block from the head towards the stem.",
        _gradual,
    ),
    Preset(
        "full-small-rate",
        "Everything, small rate",
        "Train the whole network at once, with rates that shrink towards the stem.",
        _full_small_rate,
    ),
    Preset(
        "small-images",
        "Small images",
        "A ResNet with a gentler first layer for pictures of 32 pixels.",
        _small_images,
    ),
)


ALL_PRESETS = (*PRESETS, *(Preset(*ways) for ways in (*TEXT_WAYS, *SOUND_WAYS, *VISION_WAYS)))


def presets_for(task: TaskName) -> tuple[Preset, ...]:
    """Return the ways that are offered for a task; there is always one."""
    made = tuple(preset for preset in ALL_PRESETS if task in preset.tasks)
    plain = tuple(preset for preset in PRESETS if preset.key in {"quick-head", "head-then-all"})
    return made or plain


def preset_recipe(
    key: str,
    *,
    name: str,
    base_repo: str,
    data_repo: str,
    task: TaskName | None = None,
    overrides: Values | None = None,
) -> Recipe:
    """Return the recipe of a preset for a base model and a data set.

    Args:
        key: one of the keys of `ALL_PRESETS`.
        name: name of the job.
        base_repo: repository of the base model.
        data_repo: repository of the data set.
        task: what the model shall do; else what the preset is usually for.
        overrides: recipe values laid over the preset, nested as in a recipe.

    Raises:
        KeyError: no such preset.
        RecipeError: the overrides do not fit.
    """
    chosen = {preset.key: preset for preset in ALL_PRESETS}[key]
    values: Values = {
        "recipe": 1,
        "name": name,
        "task": task or chosen.tasks[0],
        "model": {"base": {"repo": base_repo}},
        "data": {"train": {"repo": data_repo}},
    }
    return recipe_from_values(merged(merged(values, chosen.build()), overrides or {}))


def merged(below: Values, above: Values) -> Values:
    """Return nested values with those of `above` laid over those of `below`."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        result[key] = merged(old, value) if both else value  # type: ignore[arg-type] # narrowed by `both`, which mypy does not follow
    return result
