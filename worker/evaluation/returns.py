"""What an agent wins."""

import math

import torch
from torch import Tensor

from worker.contract.manifest import SplitMetrics
from worker.data.batches import Batch

_Z_95 = 1.96


class ReturnMeter:
    """Collects the returns of episodes; the loss is the mean return, turned round."""

    def __init__(self) -> None:
        self._returns: list[Tensor] = []
        self._lengths: list[Tensor] = []

    def add(self, output: tuple[Tensor, Tensor], batch: Batch) -> None:
        """Take some episodes in."""
        del batch
        self._returns.append(output[0])
        self._lengths.append(output[1])

    def result(self) -> SplitMetrics:
        """Return the mean, its interval and the spread."""
        won_N = torch.cat(self._returns).double()
        mean, spread = float(won_N.mean()), float(won_N.std(correction=0))
        half = _Z_95 * spread / math.sqrt(len(won_N))
        return SplitMetrics(
            size=len(won_N),
            loss=-mean,
            metric="mean_reward",
            value=mean,
            low=mean - half,
            high=mean + half,
            values={
                "mean_reward": mean,
                "reward_spread": spread,
                "episode_length": float(torch.cat(self._lengths).double().mean()),
            },
        )
