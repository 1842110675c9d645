"""A process of a run in which something goes wrong: FAULT names what, the process and the step."""

import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch import nn

from worker import member
from worker.distributed.replicated import Replicated
from worker.training.step import Stepper


def _at_step(wanted: int, harm: Any) -> None:
    own, steps = Stepper._gradients, count(1)

    def gradients(stepper: Stepper, active: Any, indices: Any) -> Any:
        if next(steps) == wanted:
            harm()
        return own(stepper, active, indices)

    Stepper._gradients = gradients


def _run_out_of_memory(most: int) -> None:
    """Fail as a full GPU does whenever more samples than `most` are looked at together."""
    own = Stepper._add

    def add(stepper: Stepper, sums: Any, outcome: Any, batch: Any, weight: float) -> None:
        if batch.size > most:
            raise torch.OutOfMemoryError("as a full GPU says it")
        own(stepper, sums, outcome, batch, weight)

    Stepper._add = add


def _keep_first_wrapper() -> None:
    """Exchange in every stage what the first one trained."""
    wrap, kept = Replicated.wrap, []

    def wrap_once(strategy: Replicated, module: nn.Module) -> nn.Module:
        if not kept:
            kept.append(wrap(strategy, module))
        return kept[0]

    Replicated.wrap = wrap_once


def main(folder: Path) -> int:
    kind, rank, number = os.environ["FAULT"].split(":")
    here = rank == os.environ["RANK"]
    if kind == "wrapper":
        _keep_first_wrapper()
    elif kind == "kill" and here:
        _at_step(int(number), lambda: os.kill(os.getpid(), signal.SIGKILL))
    elif kind == "stop" and here:
        _at_step(int(number), lambda: os.kill(os.getpid(), signal.SIGTERM))
    elif kind == "memory" and here:
        _run_out_of_memory(int(number))
    return member.main(folder)


if __name__ == "__main__":
    os._exit(main(Path(sys.argv[1])))
