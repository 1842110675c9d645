"""The base model of a plan, pinned: what its config.json says of network, head and inputs."""

from collections.abc import Mapping
from typing import Literal, get_args

from pydantic import Field, JsonValue, ValidationError

from worker.contract.base import Wire
from worker.contract.recipe import Head, Stem

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


Library = Literal["torchvision", "timm", "transformers", "tuningfork"]
LIBRARIES: tuple[Library, ...] = get_args(Library)


class BaseUnreadableError(ValueError):
    """The config.json of a base model cannot be used; the message says why."""


class Preprocessing(Wire):
    """How images were prepared for the pretrained weights. `image_size` is in pixels."""

    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    image_size: int = 224
    interpolation: Literal["nearest", "bilinear", "bicubic"] = "bilinear"
    crop_pct: float = Field(default=0.875, gt=0, le=1)


class PinnedBase(Wire):
    """The base model, pinned. `labels` are those of its own head; None when it has none."""

    repo: str
    commit: str | None = None
    library: Library
    # A name of that library: timm would look for `hf-hub:somebody` on another site.
    architecture: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    weights: Literal["pretrained", "random"] = "pretrained"
    weights_sha256: str | None = None
    num_classes: int = 1000
    labels: tuple[str, ...] | None = None
    head: Head = Head()
    stem: Stem = Stem()
    preprocessing: Preprocessing = Preprocessing()
    config: dict[str, JsonValue] = Field(
        default_factory=dict, description="For transformers: config.json as it is."
    )

    @classmethod
    def from_config(
        cls,
        repo: str,
        commit: str | None,
        config: Mapping[str, JsonValue],
        weights_sha256: str | None = None,
    ) -> "PinnedBase":
        """Return the base that the config.json of a model repository describes.

        Raises:
            BaseUnreadableError: it describes no network of a library that is known.
        """
        pinned: dict[str, JsonValue] = {
            "repo": repo,
            "commit": commit,
            "weights_sha256": weights_sha256,
        }
        try:
            return cls.model_validate(pinned | _described(repo, config))
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors()[0]["loc"])
            reason = error.errors()[0]["msg"]
            raise BaseUnreadableError(f"The config.json of {repo}: {where}: {reason}.") from error


def _described(repo: str, config: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    name, kind = config.get("architecture"), config.get("model_type")
    if isinstance(name, str):
        return _vision_values(name, config)
    if isinstance(kind, str):
        return _transformers_values(kind, config)
    raise BaseUnreadableError(
        f"{repo} is no model that can be trained: its config.json names neither an architecture "
        "nor a model_type."
    )


def _vision_values(name: str, config: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    library, _, short = name.rpartition("/")
    return {
        "library": library or config.get("library_name") or "timm",
        "architecture": short,
        "num_classes": config.get("num_classes", 1000),
        "labels": config.get("labels") or config.get("label_names"),
        "head": config.get("head") or {},
        "stem": config.get("stem") or {},
        "preprocessing": config.get("preprocessing") or _timm_numbers(config),
        # A network of our own is built from what its config says.
        "config": dict(config) if library == "tuningfork" or "audio" in config else {},
    }


def _transformers_values(kind: str, config: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    numbered = config.get("id2label")
    labels = list(numbered.values()) if isinstance(numbered, dict) else None
    return {
        "library": "transformers",
        "architecture": kind,
        "num_classes": len(labels) if labels else 0,
        "labels": labels,
        "config": dict(config),
    }


def _timm_numbers(config: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return preprocessing from the `pretrained_cfg` that timm writes."""
    source = config.get("pretrained_cfg")
    if not isinstance(source, dict):
        return {}
    names = ("mean", "std", "interpolation", "crop_pct")
    numbers: dict[str, JsonValue] = {name: source[name] for name in names if source.get(name)}
    size = source.get("input_size")
    if isinstance(size, list) and size:
        numbers["image_size"] = size[-1]
    return numbers
