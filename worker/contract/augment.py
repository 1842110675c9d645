"""The augmentation half of a recipe: operations by name from one list, never import paths."""

from typing import Annotated, Literal, Self, cast

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from worker.contract.base import Written

# Operation -> (what a bare number means, the arguments that may be given).
OPERATIONS: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "RandomHorizontalFlip": ("p", ("p",)),
    "RandomVerticalFlip": ("p", ("p",)),
    "RandomRotation": ("degrees", ("degrees",)),
    "RandomAffine": ("degrees", ("degrees", "translate", "scale", "shear")),
    "RandomCrop": ("padding", ("padding", "size")),
    "RandomResizedCrop": (None, ("size", "scale", "ratio")),
    "ColorJitter": (None, ("brightness", "contrast", "saturation", "hue")),
    "RandomGrayscale": ("p", ("p",)),
    "GaussianBlur": ("kernel_size", ("kernel_size", "sigma")),
    "RandomPerspective": ("distortion_scale", ("distortion_scale", "p")),
    "RandomErasing": ("p", ("p", "scale", "ratio")),
    "RandAugment": ("magnitude", ("num_ops", "magnitude")),
    "TrivialAugmentWide": (None, ()),
}
_RANGES: dict[str, tuple[float, float]] = {
    "p": (0, 1),
    "degrees": (-360, 360),
    "translate": (0, 1),
    "scale": (0, 10),
    "ratio": (0.05, 20),
    "shear": (-90, 90),
    "padding": (0, 256),
    "size": (8, 1024),
    "brightness": (0, 5),
    "contrast": (0, 5),
    "saturation": (0, 5),
    "hue": (-0.5, 0.5),
    "kernel_size": (1, 51),
    "sigma": (0.01, 20),
    "distortion_scale": (0, 1),
    "num_ops": (1, 8),
    "magnitude": (0, 30),
}
Number = float | int
OpName = Literal[
    "RandomHorizontalFlip",
    "RandomVerticalFlip",
    "RandomRotation",
    "RandomAffine",
    "RandomCrop",
    "RandomResizedCrop",
    "ColorJitter",
    "RandomGrayscale",
    "GaussianBlur",
    "RandomPerspective",
    "RandomErasing",
    "RandAugment",
    "TrivialAugmentWide",
]


class AugmentOp(Written):
    """One random operation on training images."""

    name: OpName = Field(description="The operation, by its torchvision name.")
    args: dict[str, Number | tuple[Number, ...]] = Field(
        default_factory=dict, description="Its arguments."
    )

    @model_validator(mode="after")
    def _known_arguments(self) -> Self:
        allowed = OPERATIONS[self.name][1]
        for key, value in self.args.items():
            if key not in allowed:
                names = ", ".join(allowed) or "no arguments"
                raise ValueError(f"{self.name} does not know {key!r}; it takes {names}")
            low, high = _RANGES[key]
            numbers = value if isinstance(value, tuple) else (value,)
            if not all(low <= number <= high for number in numbers):
                raise ValueError(f"{self.name}: {key} must lie between {low:g} and {high:g}")
        return self


def _from_short_form(value: object) -> object:
    """Turn `RandomHorizontalFlip` and `{RandomRotation: 20}` into the long form."""
    if isinstance(value, str):
        return {"name": value}
    if not isinstance(value, dict) or "name" in value or len(value) != 1:
        return value
    name, args = cast("tuple[str, JsonValue]", next(iter(value.items())))
    if args is None:
        return {"name": name}
    if isinstance(args, dict):
        return {"name": name, "args": args}
    short = OPERATIONS.get(name, (None, ()))[0]
    return {"name": name, "args": {short or "value": args}}


# As good as new ones in every pass, in what was measured: docs/decisions, the frozen front.
_VIEWS = 2


class Augment(Written):
    """Random changes of training samples only; validation and test samples are never changed."""

    preset: Literal["none", "basic", "randaugment", "trivialaugment", "specaugment"] = Field(
        default="none",
        description=(
            "none; basic: random crop and horizontal flip; randaugment and trivialaugment: "
            "basic plus a random policy of colour and geometry; specaugment: for recordings, hide "
            "bands of pitch and of time."
        ),
    )
    ops: tuple[Annotated[AugmentOp, BeforeValidator(_from_short_form)], ...] = Field(
        default=(),
        max_length=12,
        description="Operations in order, such as `RandomHorizontalFlip` or `RandomRotation: 20`.",
    )

    random_erasing: float = Field(
        default=0.0, ge=0, le=1, description="Part of the images that lose a random rectangle."
    )
    mixup_alpha: float = Field(
        default=0.0,
        ge=0,
        le=10,
        description="Blend pairs of a batch and their classes; 0.2 is usual.",
    )
    cutmix_alpha: float = Field(
        default=0.0, ge=0, le=10, description="Paste a part of one image into another; 1 is usual."
    )
    progressive_resizing: tuple[Annotated[int, Field(ge=8, le=1024)], ...] = Field(
        default=(),
        max_length=6,
        description="Smaller sides that each stage begins with, rising; it ends with the full one.",
    )

    cached_views: int = Field(
        default=_VIEWS,
        ge=0,
        le=16,
        description=(
            "Where the layers in front of what trains stand still, each image is run through them "
            "in so many forms, the first unchanged, which are used in turn; 0 makes new ones in "
            "every pass."
        ),
    )

    token_noise: float = Field(
        default=0.0,
        ge=0,
        le=0.5,
        description=(
            "Part of a text's tokens that are left out, and part that change places with the next, "
            "anew in every pass; 0.1 is usual. With data.imbalance.sampler oversample, repeated "
            "texts of small classes differ."
        ),
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.ops and self.preset != "none":
            raise ValueError("give a preset or ops, not both")
        if list(self.progressive_resizing) != sorted(set(self.progressive_resizing)):
            raise ValueError("progressive_resizing must rise from size to size")
        if self.cached_views != _VIEWS and not self.changes_images:
            raise ValueError("cached_views has no effect where no image is changed: remove it")
        return self

    @property
    def is_random(self) -> bool:
        """Whether two passes over the training samples may differ."""
        return self.changes_images or self._is_new

    @property
    def _is_new(self) -> bool:
        """Whether no pass can use what an earlier one saw."""
        mixes = self.mixup_alpha or self.cutmix_alpha
        return bool(mixes or self.progressive_resizing or self.token_noise)

    @property
    def views(self) -> int:
        """In how many forms a sample is kept for all passes; none where that will not do."""
        if self._is_new:
            return 0
        return self.cached_views if self.changes_images else 1

    @property
    def changes_images(self) -> bool:
        """Whether each image is changed on its own."""
        return self.preset != "none" or bool(self.ops) or self.random_erasing > 0
