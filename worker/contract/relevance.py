"""Which keys of a recipe mean nothing for a task: writing one is a mistake, not a wish."""

from collections.abc import Mapping

from pydantic import BaseModel

_IMAGE_KEYS = (
    "augment",
    "data.image_size",
    "data.normalize",
    "model.stem",
    "model.head.pool",
)
_TEXT_KEYS = ("data.max_length", "data.group_by_length")
_IDLE: Mapping[str, tuple[str, ...]] = {
    "image": _TEXT_KEYS,
    "text": _IMAGE_KEYS,
    "audio": _IMAGE_KEYS,
    "table": (*_IMAGE_KEYS, *_TEXT_KEYS),
    "environment": (*_IMAGE_KEYS, *_TEXT_KEYS, "data.validation", "data.imbalance"),
}


def idle_fields(recipe: BaseModel, modality: str) -> list[str]:
    """Return the dotted keys that were given a value although the task never reads them."""
    return [path for path in _IDLE[modality] if _differs_from_default(recipe, path)]


def _differs_from_default(recipe: BaseModel, path: str) -> bool:
    *parents, name = path.split(".")
    block = recipe
    for parent in parents:
        block = getattr(block, parent)
    default = type(block).model_fields[name].get_default(call_default_factory=True)
    return bool(getattr(block, name) != default)
