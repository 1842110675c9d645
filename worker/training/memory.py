"""What is tried when memory runs out: smaller parts, then blocks computed twice, then advice."""

import resource
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from worker.contract.failures import FailureCode, RunError
from worker.distributed.job import Rung
from worker.training.recompute import keep_blocks, recompute_blocks
from worker.training.sampling import parts_of

# torch's CPU allocator has no error class of its own.
_CPU_MARK = "DefaultCPUAllocator"


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and _CPU_MARK in str(error)


class RungError(Exception):
    """Memory ran out in one of several processes: all must begin again, one rung down."""

    def __init__(self, rung: Rung) -> None:
        super().__init__(rung)
        self.rung = rung


def _nothing_left() -> RunError:
    return RunError(
        FailureCode.OUT_OF_MEMORY,
        "One sample at a time does not fit, with blocks computed twice; use a smaller "
        "data.image_size or data.max_length, or train fewer layers.",
    )


@dataclass
class MemoryLadder:
    """How many samples go through the network at once, and what is given up where that is too many.

    `say` tells people a line.
    """

    size: int
    say: Callable[[str], None]
    recomputed: list[nn.Module] = field(default_factory=list)
    is_lowered: bool = False

    def parts(self, indices: Tensor) -> list[Tensor]:
        """Return the samples of an update in parts that fit."""
        # A lone sample joins the part before it for BatchNorm's sake, where there is room for it.
        return list(indices.split(self.size)) if self.is_lowered else parts_of(indices, self.size)

    def descend(self, module: nn.Module, count: int, processes: int = 1) -> None:
        """Go one rung down after an update of `count` samples did not fit.

        Raises:
            RungError: several processes share the run, so they must begin again together.
            RunError: there is no rung left.
        """
        if processes > 1:
            raise RungError(self._next(count, processes))
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        size = min(self.size, count)
        if size > 1:
            self.size, self.is_lowered = (size + 1) // 2, True
            parts = -(-count // self.size)
            self.say(
                f"memory ran out: an update of {count} samples now takes {parts} parts of "
                f"{self.size}; the update stays the same, but BatchNorm that trains sees fewer."
            )
            return
        if self.recomputed or not self.recompute(module):
            raise _nothing_left()
        self.say("memory ran out with one sample: blocks are now computed twice, which is slower.")

    def _next(self, count: int, processes: int) -> Rung:
        size = min(self.size, count)
        if size > processes:
            return Rung(size=max((size + 1) // 2, processes), recompute=bool(self.recomputed))
        if self.recomputed:
            raise _nothing_left()
        return Rung(size=size, recompute=True)

    def begin_at(self, rung: Rung) -> None:
        """Begin where processes that ran out of memory left off."""
        self.size, self.is_lowered = rung.size, True

    def recompute(self, module: nn.Module) -> bool:
        """Let the blocks of a network be computed twice; return whether it has any."""
        self.recomputed += recompute_blocks(module)
        return bool(self.recomputed)

    def release(self) -> None:
        """Leave the network as it was."""
        keep_blocks(self.recomputed)
        self.recomputed = []


def memory_bytes() -> int:
    """Return the most memory used so far: of the GPU where there is one, else of the process."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
