"""Where what a user chose next stands among everything that could have been recommended."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from worker.contract.manifest import SplitMetrics
from worker.data.batches import Batch
from worker.data.interactions import Guess
from worker.evaluation.metrics import accuracy_interval

FIRST = 10


def guess_loss(scores_BC: Tensor, guess: Guess) -> Tensor:
    """Return the mean cross-entropy of the chosen among the candidates, in nats.

    Candidates of a batch are drawn by how popular they are; the correction takes that out again.
    Source: Yi and others 2019, sampling-bias-corrected neural modeling.
    """
    scores_BC = scores_BC.float()
    if guess.correction is not None:
        scores_BC = scores_BC - guess.correction
    scores_BC = scores_BC.masked_fill(guess.hidden, -torch.inf)
    return functional.cross_entropy(scores_BC, guess.places, ignore_index=-1)


def ranks(scores_BC: Tensor, guess: Guess) -> Tensor:
    """Return how many candidates stand before the chosen one; of equals, half of them.

    What is no candidate stands behind all.
    """
    known = guess.places >= 0
    own_B1 = scores_BC.gather(1, guess.places.clamp_min(0)[:, None])
    others = scores_BC.masked_fill(guess.hidden, -torch.inf)
    before = (others > own_B1).sum(1) + ((others == own_B1).sum(1) - 1).clamp_min(0) / 2
    return torch.where(known, before, torch.full_like(before, torch.inf))


def hit_rate(ranks_N: Tensor) -> float:
    """Return how often the chosen one is among the first ten."""
    return float((ranks_N < FIRST).double().mean())


def ndcg(ranks_N: Tensor) -> float:
    """Return the mean gain: 1 for the first place, 1 / log2(place + 1) for later ones."""
    gains = 1 / (ranks_N.double() + 2).log2()
    return float(torch.where(ranks_N < FIRST, gains, torch.zeros_like(gains)).mean())


class RankMeter:
    """Collects ranks: of the network, of popularity, and of the network for new users."""

    def __init__(self, counts_I: Tensor) -> None:
        self._counts_I = counts_I
        self._ranks: dict[str, list[Tensor]] = {"own": [], "cold": [], "popular": []}
        self._loss = 0.0
        self._size = self._known = 0

    def add(self, output: Tensor, batch: Batch) -> None:
        """Take one batch in."""
        guess: Guess = batch.targets
        warm_BC, cold_BC = output.float()
        popular_BC = self._counts_I.to(warm_BC.device).expand_as(warm_BC)
        scored = {"own": warm_BC, "cold": cold_BC, "popular": popular_BC}
        for name, scores_BC in scored.items():
            self._ranks[name].append(ranks(scores_BC, guess).cpu())
        known = int((guess.places >= 0).sum())
        if known:
            self._loss += float(guess_loss(warm_BC, guess)) * known
        self._known += known
        self._size += batch.size

    def result(self) -> SplitMetrics:
        """Return hit rates and gains, with popularity beside them."""
        found = {name: torch.cat(parts) for name, parts in self._ranks.items()}
        hits = hit_rate(found["own"])
        low, high = accuracy_interval(round(hits * self._size), self._size)
        return SplitMetrics(
            size=self._size,
            loss=self._loss / self._known if self._known else math.log(len(self._counts_I)),
            metric="hit_rate_10",
            value=hits,
            low=low,
            high=high,
            values={
                "hit_rate_10": hits,
                "ndcg_10": ndcg(found["own"]),
                "popular_hit_rate_10": hit_rate(found["popular"]),
                "popular_ndcg_10": ndcg(found["popular"]),
                "cold_hit_rate_10": hit_rate(found["cold"]),
            },
        )
