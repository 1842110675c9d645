"""When a trial is given up: rules over the numbers of all trials, with nothing but arithmetic.

Values are always "higher is better" here; whoever minimizes passes them negated.
"""

import hashlib
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

_STARTUP = 4
_WARMUP_EPOCHS = 1
_FACTOR = 3
_PAIRS = 4
_CHANCE = 0.1
_EXACT = 14

Curve = Mapping[int, float]


@dataclass(frozen=True)
class Pruned:
    """Why a trial was given up. `bar` is what it would have had to reach, if there is such."""

    by: Literal["median", "hyperband", "wilcoxon"]
    at: int
    value: float
    bar: float


def best_until(curve: Curve, epoch: int) -> float | None:
    """Return the best value up to an epoch; None if the trial has not come that far."""
    if not curve or max(curve) < epoch:
        return None
    return max(value for at, value in curve.items() if at <= epoch)


def median_rule(mine: Curve, others: Sequence[Curve]) -> Pruned | None:
    """Give up what is worse than half of the others were after the same epoch.

    Nobody is given up after the first epoch, nor before four others have come as far.
    """
    epoch = max(mine, default=0)
    value = best_until(mine, epoch)
    reached = [best for other in others if (best := best_until(other, epoch)) is not None]
    if value is None or epoch <= _WARMUP_EPOCHS or len(reached) < _STARTUP:
        return None
    bar = statistics.median(reached)
    return Pruned("median", epoch, value, bar) if value < bar else None


def hyperband_rule(
    number: int, mine: Curve, others: Mapping[int, Curve], epochs: int
) -> Pruned | None:
    """Give up what is not in the best third of its bracket at a rung (asynchronous halving).

    Args:
        number: the trial's number; it chooses the bracket.
        mine: its values by epoch.
        others: those of the other trials, by their numbers.
        epochs: how many epochs a whole trial has.
    """
    brackets = _brackets(epochs)
    bracket = _bracket(number, brackets)
    rivals = [curve for other, curve in others.items() if _bracket(other, brackets) == bracket]
    last = max(mine, default=0)
    rung = _FACTOR**bracket
    while rung <= last and rung < epochs:
        found = _left_behind(mine, rivals, rung)
        if found is not None:
            return found
        rung *= _FACTOR
    return None


def _left_behind(mine: Curve, rivals: Sequence[Curve], rung: int) -> Pruned | None:
    value = best_until(mine, rung)
    reached = [best for other in rivals if (best := best_until(other, rung)) is not None]
    if value is None or len(reached) + 1 < _FACTOR:
        return None
    ranked = sorted([*reached, value], reverse=True)
    bar = ranked[max(1, len(ranked) // _FACTOR) - 1]
    return Pruned("hyperband", rung, value, bar) if value < bar else None


def _brackets(epochs: int) -> int:
    count = 1
    while _FACTOR**count < epochs:
        count += 1
    return count


def _bracket(number: int, brackets: int) -> int:
    return int(hashlib.sha256(str(number).encode()).hexdigest(), 16) % brackets


def wilcoxon_rule(mine: Sequence[float | None], best: Sequence[float | None]) -> Pruned | None:
    """Give up what is worse than the best so far, fold by fold (signed ranks, one side, 10 %).

    Args:
        mine: the values by fold; None where there is none yet.
        best: those of the best combination so far.
    """
    pairs = [(a, b) for a, b in zip(mine, best, strict=True) if a is not None and b is not None]
    if len(pairs) < _PAIRS:
        return None
    if signed_rank_p([a - b for a, b in pairs]) >= _CHANCE:
        return None
    value = statistics.fmean(a for a, _b in pairs)
    return Pruned("wilcoxon", len(pairs), value, statistics.fmean(b for _a, b in pairs))


def signed_rank_p(differences: Sequence[float]) -> float:
    """Return how likely differences as low as these are by chance; 1 if there are none.

    Exact up to 14 differences, beyond by the normal approximation.
    """
    present = [value for value in differences if value]
    if not present:
        return 1.0
    ranks = _ranks([abs(value) for value in present])
    above = sum(rank for rank, value in zip(ranks, present, strict=True) if value > 0)
    if len(present) <= _EXACT:
        signs = product((0, 1), repeat=len(ranks))
        sums = [sum(r for r, s in zip(ranks, sign, strict=True) if s) for sign in signs]
        return sum(total <= above for total in sums) / len(sums)
    mean = sum(ranks) / 2
    spread = (sum(rank * rank for rank in ranks) / 4) ** 0.5
    return statistics.NormalDist(mean, spread).cdf(above + 0.5)


def _ranks(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    return [
        statistics.fmean(place for place, other in enumerate(ordered, 1) if other == value)
        for value in values
    ]
