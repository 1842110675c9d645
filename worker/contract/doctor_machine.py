"""The doctor's rules about the machines that are there: is their memory enough, and the time."""

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

from worker.contract.estimate import Estimate, Span
from worker.contract.findings import Finding, found
from worker.contract.plan import Plan

_GB = 1e9
# A worker stops an attempt that takes more than this part of its memory.
_USABLE = 0.9


class Machine(NamedTuple):
    """The memory of a worker, and of its largest GPU, in bytes; 0 where it is not known."""

    memory_bytes: int
    gpu_memory_bytes: int = 0


def check_machines(plan: Plan, needed: Estimate, machines: Sequence[Machine]) -> list[Finding]:
    """Return what speaks against a plan on the machines that may run it; nothing without any."""
    findings = []
    largest = max((machine.memory_bytes for machine in machines), default=0)
    if largest:
        has = largest * _USABLE
        code = "MEMORY_SHORT" if needed.memory.low > has else "MEMORY_TIGHT"
        if needed.memory.high > has:
            each = 0.0 if needed.gpu_memory is not None else needed.batch_bytes
            findings.append(_memory(code, plan, needed.memory, has, each))
    gpu = max((machine.gpu_memory_bytes for machine in machines), default=0)
    if gpu and needed.gpu_memory is not None and needed.gpu_memory.high > gpu:
        findings.append(
            _memory("GPU_MEMORY_TIGHT", plan, needed.gpu_memory, gpu, needed.batch_bytes)
        )
    limit = plan.resources.max_minutes
    if limit is not None and needed.seconds is not None and needed.seconds.low > limit * 60:
        minutes = round(needed.seconds.low / 60)
        findings.append(found("TIME_SHORT", minutes=minutes, limit=limit))
    return findings


def _memory(code: str, plan: Plan, needed: Span, has: float, each: float) -> Finding:
    size, steps = _smaller(plan, needed, has, each)
    return found(
        code,
        low=round(needed.low / _GB, 1),
        high=round(needed.high / _GB, 1),
        has=round(has / _GB, 1),
        batch_size=size,
        steps=steps,
    )


def _smaller(plan: Plan, needed: Span, has: float, each: float) -> tuple[int, int]:
    """Return a batch size that should fit, and how many of such batches make the same update."""
    train = plan.recipe.train
    size = train.batch_for(plan.split_sizes.get("train", 0))
    updates = size * train.gradient_accumulation_steps
    wanted = max(1, size // 2)
    while wanted > 1 and each and needed.high - (size - wanted) * each > has:
        wanted //= 2
    return wanted, ceil(updates / wanted)
