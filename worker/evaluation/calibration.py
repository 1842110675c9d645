"""Whether the confidence of a classifier can be believed, and one number that mends it."""

import math

from torch import Tensor
from torch.nn import functional

from worker.contract.after_results import Calibration, CalibrationBin

NUM_BINS = 15
_SEARCH_STEPS = 60
_SMALLEST, _LARGEST = 0.05, 20.0
_GOLDEN = (math.sqrt(5) - 1) / 2


def reliability(logits_NC: Tensor, labels_N: Tensor, bins: int = NUM_BINS) -> list[CalibrationBin]:
    """Return the bins that hold samples; confidence is the probability of the chosen class."""
    confidence_N, chosen_N = logits_NC.double().softmax(1).max(1)
    right_N = (chosen_N == labels_N).double()
    # A confidence of exactly 1 belongs to the last bin.
    place_N = (confidence_N * bins).long().clamp_max(bins - 1)
    found = []
    for place in range(bins):
        inside_N = place_N == place
        size = int(inside_N.sum())
        if size:
            found.append(
                CalibrationBin(
                    low=place / bins,
                    high=(place + 1) / bins,
                    size=size,
                    confidence=float(confidence_N[inside_N].mean()),
                    accuracy=float(right_N[inside_N].mean()),
                )
            )
    return found


def expected_error(bins: list[CalibrationBin]) -> float:
    """Return the distance between confidence and accuracy, weighted by the size of the bins."""
    total = sum(item.size for item in bins)
    return sum(item.size * abs(item.confidence - item.accuracy) for item in bins) / max(1, total)


def fit_temperature(logits_NC: Tensor, labels_N: Tensor) -> float:
    """Return the number that scores are divided by to make the log-likelihood greatest.

    Source: Guo et al. 2017, arXiv 1706.04599. The loss is convex in the inverse temperature, so a
    golden-section search finds it; the answer lies between 0.05 and 20.
    """
    logits_NC = logits_NC.double()

    def loss(inverse: float) -> float:
        return float(functional.cross_entropy(logits_NC * inverse, labels_N))

    low, high = 1 / _LARGEST, 1 / _SMALLEST
    for _ in range(_SEARCH_STEPS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if loss(left) < loss(right):
            high = right
        else:
            low = left
    return 2 / (low + high)


def calibrate(
    logits_NC: Tensor,
    labels_N: Tensor,
    fit_on: tuple[Tensor, Tensor] | None = None,
    split: str = "validation",
) -> Calibration:
    """Return how calibrated scores are, and how a temperature would change that.

    Args:
        logits_NC: the scores that are judged.
        labels_N: their classes.
        fit_on: scores and classes of another split that the temperature is fitted on; without
            them it is fitted on the same ones, which flatters it.
        split: the name of the split it is fitted on.
    """
    temperature = fit_temperature(*(fit_on or (logits_NC, labels_N)))
    bins = reliability(logits_NC, labels_N)
    return Calibration(
        ece=expected_error(bins),
        bins=tuple(bins),
        temperature=temperature,
        ece_scaled=expected_error(reliability(logits_NC / temperature, labels_N)),
        fitted_on=split,
    )
