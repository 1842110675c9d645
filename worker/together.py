"""A run in several processes, seen from outside: they are started, and begin again if they must."""

import shutil
from pathlib import Path

import torch
from torch import nn

from worker.contract.attempt import CHECKPOINTS_FOLDER, RESULT_FOLDER
from worker.contract.manifest import Result
from worker.distributed.choice import needs_sharding
from worker.distributed.job import ProcessJob
from worker.distributed.strategy import Strategy
from worker.training.checkpoint import newest_checkpoint
from worker.training.loop import StoppedError
from worker.training.reporting import Control, EventSink

_FOLDER = "processes"


def run_together(job: ProcessJob, processes: int, sink: EventSink, control: Control) -> Result:
    """Run a plan in several processes and return its result.

    Where memory runs out in one of them, all begin again from the newest checkpoint with fewer
    samples at once: what the others wait for will never come.

    Raises:
        RunError: one of them failed or died.
        StoppedError: the control asked for it.
    """
    # Its machinery takes time to import, and most runs have one process.
    from worker.distributed.supervisor import StoppedTogether, Supervisor

    out = Path(job.places["out"])
    supervisor = Supervisor(job, processes, (out / _FOLDER).resolve(), sink, control.should_stop)
    supervisor.say(f"{processes} processes share every batch ({job.strategy}).")
    try:
        while (rung := supervisor.run()) is not None:
            supervisor.say(
                f"memory ran out: all processes begin again with {rung.size} samples at a time; "
                "the update stays the same."
            )
            newest = newest_checkpoint(out / CHECKPOINTS_FOLDER)
            resume = str(newest) if newest else job.resume
            supervisor.job = job.model_copy(update={"rung": rung, "resume": resume})
    except StoppedTogether:
        raise StoppedError from None
    shutil.rmtree(out / _FOLDER, ignore_errors=True)
    text = (out / RESULT_FOLDER / "result.json").read_text(encoding="utf-8")
    return Result.model_validate_json(text)


def strategy_of(job: ProcessJob | None, module: nn.Module, device: torch.device) -> Strategy:
    """Return how this process works with the others; the process group must have been joined."""
    if job is None:
        return Strategy()
    # Both take seconds to import.
    if job.strategy == "fsdp2" or (
        job.strategy == "auto" and needs_sharding(job.plan.recipe, module, device)
    ):
        from worker.distributed.sharded import Sharded

        return Sharded(device)
    from worker.distributed.replicated import Replicated

    return Replicated()
