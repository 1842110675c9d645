"""Learning-rate schedules as a pure function of the step, so resuming needs no state."""

import math

from worker.contract.stages import Scheduler

_GAMMA = 0.1
_ONE_CYCLE_START = 1 / 25
_ONE_CYCLE_END = 1e-4
_ONE_CYCLE_WARMUP = 0.3
PLATEAU_PATIENCE = 2


def rate_factor(scheduler: Scheduler, step: int, total: int, steps_per_epoch: int) -> float:
    """Return what the base rate is multiplied by at a step of a stage (counted from 0).

    For plateau it is 1; its cuts depend on validation and are counted by the stage.
    """
    if scheduler.name == "one_cycle":
        return _one_cycle(step, total, scheduler.warmup_ratio or _ONE_CYCLE_WARMUP)
    warmup = round(total * scheduler.warmup_ratio)
    if step < warmup:
        return (step + 1) / warmup
    part = (step - warmup) / max(1, total - warmup)
    match scheduler.name:
        case "linear":
            return 1 - part
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * part))
        case "step":
            epoch = step // steps_per_epoch
            return plateau_factor(scheduler, epoch // (scheduler.step_epochs or 1))
        case _:
            return 1.0


def plateau_factor(scheduler: Scheduler, cuts: int) -> float:
    """Return the factor after a number of cuts."""
    return float((scheduler.gamma or _GAMMA) ** cuts)


def _one_cycle(step: int, total: int, warmup_ratio: float) -> float:
    """Rise from a 25th by a cosine, then fall to almost nothing by a cosine.

    Source: Smith and Topin 2018, arXiv 1708.07120.
    """
    peak = max(1, round(total * warmup_ratio))
    if step < peak:
        return _between(_ONE_CYCLE_START, 1.0, step / peak)
    return _between(1.0, _ONE_CYCLE_END, (step - peak) / max(1, total - 1 - peak))


def _between(start: float, end: float, part: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(1.0, part)))
