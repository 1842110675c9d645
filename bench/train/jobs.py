"""What a loop is told: the same words for the plain loops and for other people's libraries."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

FOREVER = 10**6
# Told how many samples a batch had, once it is done.
Tick = Callable[[int], None]


@dataclass(frozen=True)
class Job:
    """A training.

    Args:
        data: folder with `train` and `test`.
        seed: which of the plain loops it is; others use its network, its data and its optimizer.
        network: the architecture, by torchvision's or timm's name, or a folder of transformers.
        trains: `head`, `block` (the last one too) or `all`.
        batch: samples of an update.
        epochs: passes over the data.
        padding: for texts, `max_length` or `longest`.
        head_epochs: passes with the last layer alone, before.
        weights: file with the weights of the architecture; random ones without.
        chance: seed of all random numbers.
    """

    data: str
    seed: str
    network: str
    batch: int
    trains: str = "all"
    epochs: int = FOREVER
    head_epochs: int = 0
    padding: str = "max_length"
    weights: str = ""
    chance: int = 0
    lr: float = 1e-3
    out: str = ""

    def to_text(self) -> str:
        """Return it as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "Job":
        """Return what `to_text` wrote."""
        return cls(**json.loads(text))

    @property
    def folder(self) -> Path:
        """The folder of its data."""
        return Path(self.data)


class Parts(NamedTuple):
    """What a loop goes round with: a network, batches, an update rule and the loss."""

    model: Any
    loader: Any
    optimizer: Any
    loss: Callable[..., Any]
