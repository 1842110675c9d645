"""How much each training sample counts in the loss, from a column of the data."""

import torch
from torch import Tensor

from worker.contract.failures import FailureCode, RunError
from worker.contract.items import WEIGHT
from worker.data.samples import Samples

_SHOWN = 5


def sample_weights(samples: Samples) -> Tensor:
    """Return the weight of each sample (N,).

    Raises:
        RunError: samples have none, or none of them counts; they are named.
    """
    values = [row.values.get(WEIGHT) for row in samples.rows]
    without = [row.key for row, value in zip(samples.rows, values, strict=True) if value is None]
    if without:
        shown = ", ".join(without[:_SHOWN])
        raise RunError(
            FailureCode.DATA_INVALID,
            f"data.imbalance.sample_weight_column: {len(without)} training samples have no "
            f"weight: {shown}.",
        )
    weights_N = torch.tensor([float(str(value)) for value in values])
    if not bool((weights_N > 0).any()):
        raise RunError(
            FailureCode.DATA_INVALID,
            "data.imbalance.sample_weight_column: every training sample has the weight 0.",
        )
    return weights_N
