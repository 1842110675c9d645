"""From single measures to a ranking: who leads, how surely, and whether the measures agree."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from worker.selection.kendall import agreement
from worker.selection.measures import Measured

_RESAMPLES = 1000
_OUTSIDE = 0.025


@dataclass(frozen=True)
class Place:
    """Where a candidate comes in; places count from 1. See `CandidateResult` for the rest."""

    low: int
    high: int
    leads: float


@dataclass(frozen=True)
class Ranking:
    """Candidates by number, best probe first; `places` in the order given."""

    order: tuple[int, ...]
    places: tuple[Place, ...]
    agreement: float | None


def rank(candidates: Sequence[Measured], seed: int = 0) -> Ranking:
    """Return the ranking of candidates that were measured on the same samples.

    The accuracy of the probe decides, LogME where it draws; how sure that is comes from drawing the
    samples again (paired bootstrap), and what the other measures say from `agreement`.
    """
    keys = [(_accuracy(item), item.scores["logme"]) for item in candidates]
    order = sorted(range(len(candidates)), key=lambda index: keys[index], reverse=True)
    return Ranking(tuple(order), tuple(_places(candidates, seed)), _agreement(candidates))


def _accuracy(item: Measured) -> float:
    return float(item.probe_correct_N.double().mean())


def _places(candidates: Sequence[Measured], seed: int) -> list[Place]:
    correct_MN = torch.stack([item.probe_correct_N for item in candidates]).double()
    places_MB = resampled_places(correct_MN, seed)
    low_M = places_MB.quantile(_OUTSIDE, dim=1, interpolation="lower")
    high_M = places_MB.quantile(1 - _OUTSIDE, dim=1, interpolation="higher")
    # Candidates that share the first place of a resample share the win.
    first_MB = (places_MB == 1).double()
    leads_M = (first_MB / first_MB.sum(dim=0)).mean(dim=1)
    return [
        Place(int(low), int(high), float(leads))
        for low, high, leads in zip(low_M, high_M, leads_M, strict=True)
    ]


def resampled_places(correct_MN: Tensor, seed: int) -> Tensor:
    """Return the place of each candidate in each resample of the samples; draws share the best."""
    generator = torch.Generator().manual_seed(seed)
    size = correct_MN.shape[1]
    counts_NB = torch.zeros(size, _RESAMPLES, dtype=torch.float64)
    drawn_NB = torch.randint(size, (size, _RESAMPLES), generator=generator)
    counts_NB.scatter_add_(0, drawn_NB, torch.ones_like(counts_NB))
    hits_MB = correct_MN @ counts_NB
    return 1 + (hits_MB[None] > hits_MB[:, None]).sum(dim=1).double()


def _agreement(candidates: Sequence[Measured]) -> float | None:
    columns = [
        [_accuracy(item) for item in candidates],
        [float(item.knn_correct_N.double().mean()) for item in candidates],
    ]
    for name in candidates[0].scores:
        # A score that one of them does not have cannot put all of them into an order.
        values = [item.scores.get(name, math.nan) for item in candidates]
        if not any(math.isnan(value) for value in values):
            columns.append(values)
    return agreement(columns)
