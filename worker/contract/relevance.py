"""Which keys of a recipe mean nothing for a task: writing one is a mistake, not a wish."""

from collections.abc import Mapping

from pydantic import BaseModel

from worker.contract.augment import Augment

_IMAGE_KEYS = (
    *(f"augment.{name}" for name in Augment.model_fields if name != "token_noise"),
    "data.image_size",
    "data.normalize",
    "model.stem",
    "model.head.pool",
    "model.drop_path",
)
_TEXT_KEYS = ("data.max_length", "data.group_by_length")
# Each of these belongs to one task.
_OWN_KEYS = {
    "data.stride": "question-answering",
    "data.packing": "text-generation",
    "data.mask_probability": "fill-mask",
    "augment.token_noise": "text-classification",
}
_HEAD_KEYS = ("model.head.hidden", "model.head.dropout")
_AUDIO_KEYS = ("data.sample_rate", "data.max_seconds", "data.language")
_WHOLE_HEAD = ("data.imbalance", "model.head")
# The heads that look at every place of a picture are built in one way.
_DENSE_KEYS = (
    "train.label_smoothing",
    *_HEAD_KEYS,
    "model.head.pool",
    "model.stem",
    "model.drop_path",
    "data.imbalance",
)
_IDLE: Mapping[str, tuple[str, ...]] = {
    "image": (*_TEXT_KEYS, *_AUDIO_KEYS),
    "text": (*_IMAGE_KEYS, *_HEAD_KEYS, *_AUDIO_KEYS),
    "audio": (
        "data.normalize",
        "model.stem",
        "model.head.pool",
        "model.drop_path",
        "data.max_length",
    ),
    "table": (*_IMAGE_KEYS, *_TEXT_KEYS, *_AUDIO_KEYS, *_WHOLE_HEAD),
    "environment": (
        *_IMAGE_KEYS,
        *_TEXT_KEYS,
        *_AUDIO_KEYS,
        *_WHOLE_HEAD,
        "data.validation",
        "data.columns",
        "data.test",
        "train.label_smoothing",
        "train.gradient_accumulation_steps",
        "train.gradient_checkpointing",
        "train.mixed_precision",
        "train.loss",
        "train.l2_sp",
    ),
}
_IDLE_FOR_TASK: Mapping[str, tuple[str, ...]] = {
    "object-detection": _DENSE_KEYS,
    "image-segmentation": _DENSE_KEYS[1:],
    "image-regression": (
        "data.imbalance.class_weight",
        "data.imbalance.sampler",
        "data.imbalance.synthesize",
        "train.label_smoothing",
    ),
    "token-classification": ("data.imbalance", "model.head"),
    "question-answering": ("data.imbalance", "model.head", "train.label_smoothing"),
    "text-generation": ("data.imbalance", "model.head"),
    "fill-mask": ("data.imbalance", "model.head"),
    "audio-classification": ("data.group_by_length", "data.language"),
    "automatic-speech-recognition": (
        *_WHOLE_HEAD,
        "data.image_size",
        "train.label_smoothing",
    ),
}


def idle_fields(recipe: BaseModel, task: str, modality: str) -> list[str]:
    """Return the dotted keys that were given a value although the task never reads them."""
    others = [path for path, owner in _OWN_KEYS.items() if owner != task]
    paths = (*_IDLE[modality], *_IDLE_FOR_TASK.get(task, ()), *others)
    idle = [path for path in paths if _differs_from_default(recipe, path)]
    return idle or _foreign_changes(recipe, modality)


def _foreign_changes(recipe: BaseModel, modality: str) -> list[str]:
    """Return random changes of pictures asked for recordings, and the other way round."""
    augment, audio = getattr(recipe, "augment", None), modality == "audio"
    if augment is None:
        return []
    if augment.ops and audio:
        return ["augment.ops"]
    foreign = augment.preset != "none" and (augment.preset == "specaugment") != audio
    return ["augment.preset"] if foreign else []


def _differs_from_default(recipe: BaseModel, path: str) -> bool:
    *parents, name = path.split(".")
    block = recipe
    for parent in parents:
        block = getattr(block, parent)
    default = type(block).model_fields[name].get_default(call_default_factory=True)
    return bool(getattr(block, name) != default)
