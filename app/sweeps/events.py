"""News from sweeps."""

from dataclasses import dataclass

CHANNEL = "sweeps"


@dataclass(frozen=True)
class SweepChanged:
    """A sweep was begun or steered by a person."""

    sweep_id: int
