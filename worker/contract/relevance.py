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
# Each of these belongs to one task.
_OWN_KEYS = {
    "data.stride": "question-answering",
    "data.packing": "text-generation",
    "data.mask_probability": "fill-mask",
}
_HEAD_KEYS = ("model.head.hidden", "model.head.dropout")
_IDLE: Mapping[str, tuple[str, ...]] = {
    "image": _TEXT_KEYS,
    "text": (*_IMAGE_KEYS, *_HEAD_KEYS),
    "audio": _IMAGE_KEYS,
    "table": (*_IMAGE_KEYS, *_TEXT_KEYS),
    "environment": (*_IMAGE_KEYS, *_TEXT_KEYS, "data.validation", "data.imbalance"),
}
_IDLE_FOR_TASK: Mapping[str, tuple[str, ...]] = {
    "token-classification": ("data.imbalance", "model.head"),
    "question-answering": ("data.imbalance", "model.head", "train.label_smoothing"),
    "text-generation": ("data.imbalance", "model.head"),
    "fill-mask": ("data.imbalance", "model.head"),
}


def idle_fields(recipe: BaseModel, task: str, modality: str) -> list[str]:
    """Return the dotted keys that were given a value although the task never reads them."""
    others = [path for path, owner in _OWN_KEYS.items() if owner != task]
    paths = (*_IDLE[modality], *_IDLE_FOR_TASK.get(task, ()), *others)
    return [path for path in paths if _differs_from_default(recipe, path)]


def _differs_from_default(recipe: BaseModel, path: str) -> bool:
    *parents, name = path.split(".")
    block = recipe
    for parent in parents:
        block = getattr(block, parent)
    default = type(block).model_fields[name].get_default(call_default_factory=True)
    return bool(getattr(block, name) != default)
