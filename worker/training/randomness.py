"""The states of torch's random numbers, kept and brought back."""

from collections.abc import Mapping, Sequence

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


def numbered(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the states of all processes under names of their own; the first keeps the plain."""
    return {
        f"{name}-{number}" if number else name: state
        for number, own in enumerate(states)
        for name, state in own.items()
    }


def states_of(states: Mapping[str, Tensor], rank: int, world: int) -> dict[str, Tensor] | None:
    """Return a process's own states, or None where as many processes did not write them."""
    written = sum(name.startswith("cpu") for name in states)
    if written != world:
        return None
    end = f"-{rank}" if rank else ""
    return {name: states[name + end] for name in ("cpu", "cuda") if name + end in states}
