"""What is done when a loss is not finite: pass the batch over, and end when that goes on."""

from collections.abc import Sequence

from worker.contract.failures import FailureCode, RunError
from worker.training.progress import Progress

_SHOWN = 5


def pass_over(
    progress: Progress, names: Sequence[str], value: float, *, stage: str, most: int
) -> str:
    """Count a batch without a finite loss and return the line that tells of it.

    Raises:
        RunError: more than `most` in a row, or as many as an epoch has; the batches are named.
    """
    shown = ", ".join(names[:_SHOWN])
    progress.bad_batches.append(shown)
    place = f"loss is {value} in stage {stage}, step {progress.step + 1}"
    if len(progress.bad_batches) > most:
        batches = progress.bad_batches
        several = f" {len(batches)} batches in a row were so." if len(batches) > 1 else ""
        listed = "; ".join(f"a batch begins with {batch}" for batch in batches[:_SHOWN])
        raise RunError(FailureCode.DIVERGED, f"{place}.{several} {listed}.")
    return f"{place}: the batch that begins with {shown} was passed over."
