"""Where a ranking finds its inputs and leaves its result."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BasePlace:
    """Where a candidate lies: its weights (None only for random ones) and its folder."""

    weights: Path | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class RankPlaces:
    """Where a ranking finds and leaves things. `bases` are in the order of the candidates.

    `cache` keeps features; whoever ranks again with the same folder does not compute them anew.
    `shelf` holds features of other runs, to be read only.
    """

    data: Path
    bases: Sequence[BasePlace]
    out: Path
    cache: Path
    shelf: Path | None = None
