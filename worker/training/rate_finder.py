"""Finding a learning rate: rates are tried from tiny to huge, and the steepest fall is taken."""

from bisect import bisect_left
from collections.abc import Callable, Sequence

from pydantic import BaseModel

TRIES = 100
_LOWEST, _HIGHEST = 1e-7, 10.0
_SMOOTHING = 0.98
# The loss may grow to this many times the least before the trial ends.
_TOO_HIGH = 4
_CUT_START, _CUT_END = 10, 5
_FEWEST = 20


class RateTrial(BaseModel):
    """What was tried before a stage: rates, the smoothed loss at each, and the one taken."""

    stage: int
    rates: list[float]
    losses: list[float]
    rate: float


def try_rates(stage: int, loss_at: Callable[[int, float], float]) -> RateTrial:
    """Return what trying rates gave.

    Args:
        stage: number of the stage.
        loss_at: makes one update, given its number and rate, and returns the loss before it.
    """
    rates: list[float] = []
    losses: list[float] = []
    mean = 0.0
    for number in range(TRIES):
        rate = _LOWEST * (_HIGHEST / _LOWEST) ** (number / (TRIES - 1))
        loss = loss_at(number, rate)
        if loss - loss != 0:
            break
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * loss
        smoothed = mean / (1 - _SMOOTHING ** (number + 1))
        rates.append(rate)
        losses.append(smoothed)
        if smoothed > _TOO_HIGH * min(losses):
            break
    return RateTrial(stage=stage, rates=rates, losses=losses, rate=_pick(rates, losses))


def _pick(rates: Sequence[float], losses: Sequence[float]) -> float:
    if len(rates) < _FEWEST:
        # Everything beyond the first rates diverged at once: stay well below.
        return rates[len(rates) // 2] / 10 if rates else _LOWEST
    start, end = _CUT_START, len(rates) - _CUT_END
    return rates[start + valley(losses[start:end])]


def valley(losses: Sequence[float]) -> int:
    """Return the place in the middle of the longest fall of a curve.

    The longest fall is the longest run of values, not side by side, of which each is below the
    one before; it ends where the last of them is. The idea is fastai's.
    """
    # tails[k]: the greatest last value of a fall of k + 1 values, negated to be rising.
    tails: list[float] = []
    best, end = 0, 0
    for place, loss in enumerate(losses):
        length = bisect_left(tails, -loss)
        tails[length : length + 1] = [-loss]
        if length + 1 > best:
            best, end = length + 1, place
    start = max(0, end - best)
    return start + (end - start) // 2
