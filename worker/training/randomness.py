"""The states of torch's random numbers, kept and brought back."""

import torch
from torch import Tensor


def random_states() -> dict[str, Tensor]:
    """Return the states of the generators in use."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def restore_random(states: dict[str, Tensor]) -> None:
    """Go back to states that were kept."""
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
