"""Weighted Kendall tau: do two scores put candidates into the same order, the top above all?

Source: Vigna, "A weighted correlation index for rankings with ties", WWW 2015.
"""

import math
from collections.abc import Sequence


def weighted_tau(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the agreement of two lists of scores, from -1 to 1; higher scores rank first.

    A pair of candidates counts 1/(rank + 1) for each of the two, ranks from 0; the ranks of both
    lists are used in turn and the results averaged. NaN where a list says nothing (all equal).
    """
    return (_tau(one, other, _ranks(one, other)) + _tau(one, other, _ranks(other, one))) / 2


def _ranks(first: Sequence[float], second: Sequence[float]) -> list[int]:
    order = sorted(range(len(first)), key=lambda i: (first[i], second[i]), reverse=True)
    ranks = [0] * len(order)
    for rank, index in enumerate(order):
        ranks[index] = rank
    return ranks


def _tau(one: Sequence[float], other: Sequence[float], ranks: Sequence[int]) -> float:
    both = ones = others = 0.0
    for i in range(len(one)):
        for j in range(i):
            weight = 1 / (ranks[i] + 1) + 1 / (ranks[j] + 1)
            sign, other_sign = _sign(one[i] - one[j]), _sign(other[i] - other[j])
            both += weight * sign * other_sign
            ones += weight * abs(sign)
            others += weight * abs(other_sign)
    return both / math.sqrt(ones * others) if ones and others else math.nan


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def agreement(scores: Sequence[Sequence[float]]) -> float | None:
    """Return the mean tau over all pairs of scores, or None where no two can be compared."""
    taus = [weighted_tau(scores[i], scores[j]) for i in range(len(scores)) for j in range(i)]
    told = [tau for tau in taus if not math.isnan(tau)]
    return sum(told) / len(told) if told else None
