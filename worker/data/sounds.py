"""Recordings as log-mel pictures: of one width for classes, as long as they are for speech."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from pydantic import JsonValue
from torch import Tensor
from torch.nn import functional

from worker.contract.failures import FailureCode, RunError
from worker.contract.sounds import MAX_SECONDS
from worker.data.batches import Batch
from worker.data.mel import log_mel, read_sound
from worker.data.samples import Samples

COLUMNS_PER_SECOND = 100
DEFAULT_RATE = 16_000
_MASKS = 2
_MASKED_PART = 5


@dataclass(frozen=True)
class Hearing:
    """How recordings become pictures. `rate` is in samples a second, `seconds` the most heard."""

    rate: int = DEFAULT_RATE
    n_mels: int = 64
    seconds: float = MAX_SECONDS

    @classmethod
    def of(cls, config: dict[str, JsonValue], rate: int | None, seconds: float | None) -> "Hearing":
        """Return what a base's config says, with what a recipe says laid over it."""
        own = config.get("audio")
        values = own if isinstance(own, dict) else {}
        plain = cls()
        return cls(
            rate or int(_number(values.get("rate")) or plain.rate),
            int(_number(values.get("n_mels")) or plain.n_mels),
            seconds or _number(values.get("seconds")) or plain.seconds,
        )

    @property
    def values(self) -> dict[str, JsonValue]:
        """What config.json says of it."""
        return {"rate": self.rate, "n_mels": self.n_mels, "seconds": self.seconds}


def _number(value: JsonValue) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def load_pictures(samples: Samples, hearing: Hearing) -> list[Tensor]:
    """Return the log-mel picture (M, T) of every recording.

    Raises:
        RunError: a recording cannot be read; it is named.
    """
    return each_wave(
        samples,
        hearing.rate,
        hearing.seconds,
        lambda wave_T: log_mel(wave_T, hearing.rate, hearing.n_mels),
    )


def each_wave(
    samples: Samples, rate: int, seconds: float, made: Callable[[Tensor], Tensor]
) -> list[Tensor]:
    """Return what is made of the sound of every recording, its first `seconds`.

    Raises:
        RunError: a recording cannot be read; it is named.
    """
    import soundfile

    def read(path: str) -> Tensor:
        try:
            wave_T = read_sound(samples.source.read(path), rate, seconds)
        except (soundfile.LibsndfileError, RuntimeError, ValueError) as error:
            raise RunError(FailureCode.DATA_INVALID, f"{path}: {error}.") from error
        if not len(wave_T):
            raise RunError(FailureCode.DATA_INVALID, f"{path}: there is no sound in it.")
        return made(wave_T)

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(read, [fact.path for fact in samples.facts]))


def windowed(picture_MT: Tensor, width: int, start: int | None = None) -> Tensor:
    """Return `width` columns, the middle or those from `start`, with the mean level after them."""
    spare = picture_MT.shape[1] - width
    if spare <= 0:
        return functional.pad(picture_MT, (0, -spare))
    first = spare // 2 if start is None else start
    return picture_MT[:, first : first + width]


def spec_augmented(pictures_BMT: Tensor) -> Tensor:
    """Return pictures with bands of pitch and of time set to the mean.

    Source: Park and others 2019, SpecAugment; two bands each, at most a fifth wide.
    """
    masked = pictures_BMT.clone()
    for axis in (1, 2):
        size = masked.shape[axis]
        places = torch.arange(size)
        for _ in range(_MASKS):
            widths_B1 = torch.rand(len(masked), 1) * (size / _MASKED_PART)
            starts_B1 = torch.rand(len(masked), 1) * (size - widths_B1)
            hidden = (places >= starts_B1) & (places < starts_B1 + widths_B1)
            masked.masked_fill_(hidden[:, :, None] if axis == 1 else hidden[:, None], 0.0)
    return masked


@dataclass
class SoundSplit:
    """Recordings as pictures of one width, with one class each.

    `side` is the size in pixels that networks for images are given; others get (1, M, T) as it is.
    """

    pictures: Sequence[Tensor]
    labels_N: Tensor
    names: Sequence[str]
    width: int
    side: int | None
    augment: bool
    device: torch.device

    def __post_init__(self) -> None:
        self.labels_N = self.labels_N.to(self.device)
        self.labels: Tensor | None = self.labels_N
        self.lengths: Tensor | None = None

    def __len__(self) -> int:
        return len(self.names)

    def targets(self, indices: Tensor) -> Tensor:
        """Return class numbers."""
        return self.labels_N[indices.to(self.device)]

    def take(self, indices: Tensor, *, train: bool) -> Batch:
        """Return pictures; for training from a random place of long ones, masked if asked."""
        changed = train and self.augment
        rows = [self._window(self.pictures[index], changed) for index in indices.tolist()]
        pictures = torch.stack(rows)
        if changed:
            pictures = spec_augmented(pictures)
        return Batch(
            as_images(pictures.to(self.device), self.side), self.targets(indices), len(rows)
        )

    def _window(self, picture_MT: Tensor, changed: bool) -> Tensor:  # noqa: FBT001 - private
        spare = picture_MT.shape[1] - self.width
        start = int(torch.randint(spare + 1, ())) if changed and spare > 0 else None
        return windowed(picture_MT, self.width, start)


def as_images(pictures_BMT: Tensor, side: int | None) -> Tensor:
    """Return (B, 1, M, T), or for networks that look at images (B, 3, side, side)."""
    images = pictures_BMT[:, None]
    if side is None:
        return images
    sized = functional.interpolate(images, (side, side), mode="bilinear", align_corners=False)
    return sized.expand(-1, 3, -1, -1).contiguous()
