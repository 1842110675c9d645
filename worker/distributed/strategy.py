"""How the processes of a run work together; with one process there is nothing to do."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

T = TypeVar("T")


class Strategy:
    """One process. The subclasses let several share every batch, with the same result.

    All processes go through the same code with the same values; only the samples they look at
    differ. Whatever a clock, a signal or the outside decides goes through `any` or `same`.
    """

    name = "single"
    rank = 0
    world = 1
    # Whether each process holds all weights, so that a network may be moved, cut and rearranged.
    holds_all = True

    @property
    def is_main(self) -> bool:
        """Whether this is the process that reports, writes and measures for the result."""
        return self.rank == 0

    def prepare(self, module: nn.Module) -> None:
        """Prepare a network, once, before its first stage."""

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return what is called in place of a network for one stage, whose freezing is set."""
        return module

    def unwrap(self, module: nn.Module) -> None:
        """End what `wrap` began on a network."""

    def finish(self, module: nn.Module, device: torch.device) -> None:
        """Leave the others; the main process goes on with a plain network that has all weights."""

    def slice(self, part: Tensor) -> tuple[Tensor, bool]:
        """Return this process's samples of a part of a batch, and whether they count.

        Where there are fewer samples than processes, some repeat one that does not count.
        """
        return part, True

    @contextmanager
    def exchanging(self, module: nn.Module, *, now: bool) -> Iterator[None]:
        """Exchange gradients in the backward passes of a block, or later with those of the last."""
        del module, now
        yield

    def total(self, values: tuple[float, ...]) -> tuple[float, ...]:
        """Return the sums of values over all processes, the same bits in each."""
        return values

    def any(self, flags: tuple[bool, ...]) -> tuple[bool, ...]:
        """Return which flags are set in at least one process."""
        return tuple(number > 0 for number in self.total(tuple(float(flag) for flag in flags)))

    def same(self, value: T) -> T:
        """Return the main process's value."""
        return value

    def collect(self, value: T) -> list[T]:
        """Return the values of all processes in their order."""
        return [value]

    def wait(self) -> None:
        """Wait until every process is here."""

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Agree on nothing in a block: what each process does there is its own affair."""
        yield

    def in_turn(self, work: Callable[[], T | None]) -> T | None:
        """Do work in the main process first, then in the others, who find what it left in files.

        Returns:
            What it gave, or None where it gave None to one of them.
        """
        return work()

    def differs(self, module: nn.Module) -> bool:
        """Return whether the processes hold different weights, which they never should."""
        del module
        return False

    def seed(self, number: int) -> None:
        """Seed the random numbers of this process; the main process's are those of a lone one."""
        torch.manual_seed((number + 7_919 * self.rank) % 2**63)

    def whole_state(self, module: nn.Module) -> dict[str, Tensor]:
        """Return a copy of all weights and buffers of a network, on the CPU."""
        return self.whole(module.state_dict())

    def whole(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return copies of tensors, all of each, on the CPU."""
        return {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}

    def load(self, module: nn.Module, weights: Mapping[str, Tensor]) -> None:
        """Write whole weights and buffers into a network."""
        module.load_state_dict(dict(weights))

    def whole_moments(self, state: dict[str, Any]) -> dict[str, Any]:
        """Return an optimizer's state with all of each tensor."""
        return state

    def moments(self, state: dict[str, Any], parameters: list[nn.Parameter]) -> dict[str, Any]:
        """Return an optimizer's whole state as this process needs it.

        Args:
            state: what a checkpoint holds, of an optimizer over the same parameters.
            parameters: the optimizer's parameters, in its order.
        """
        del parameters
        return state

    def part(self, full: Tensor, target: Tensor) -> Tensor:
        """Return this process's part of a whole tensor, divided as another one is."""
        del target
        return full


def own_part(tensor: Tensor) -> Tensor:
    """Return what this process holds of a tensor; the same memory."""
    # Asked by its method: the class itself takes seconds to import.
    local = getattr(tensor, "to_local", None)
    return tensor if local is None else local()
