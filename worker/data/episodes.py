"""Episodes in place of samples: each is played from a start that a seed decides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import torch
from torch import Tensor

from worker.contract.environment import Environment
from worker.data.batches import Batch


def make_environment(wanted: Environment) -> gymnasium.Env[Any, Any]:
    """Return an environment with what a recipe makes different in it."""
    env = gymnasium.make(wanted.id)
    plain = env.unwrapped
    for name, value in wanted.shift.items():
        setattr(plain, name, value)
    if wanted.id.startswith("CartPole"):
        # These two are computed once from the others when the environment is made.
        masses: Any = plain
        masses.total_mass = masses.masspole + masses.masscart
        masses.polemass_length = masses.masspole * masses.length
    return env


@dataclass
class EpisodeSplit:
    """Episodes by the seeds of their starts; what is learned from is played as it goes."""

    seeds: Sequence[int]

    def __post_init__(self) -> None:
        self.names = [f"episode {seed}" for seed in self.seeds]
        self.labels: Tensor | None = None
        self.lengths: Tensor | None = None

    def __len__(self) -> int:
        return len(self.seeds)

    def targets(self, indices: Tensor) -> None:
        """Return nothing: an episode has no answer."""

    def take(self, indices: Tensor, *, train: bool) -> Batch:
        """Return seeds; for training only how many steps are to be made."""
        chosen = [] if train else [self.seeds[index] for index in indices.tolist()]
        return Batch(torch.tensor(chosen), None, len(indices))


Chooser = Callable[[Any], Any]


def play(choose: Chooser, wanted: Environment, seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return the return and the length (both (N,)) of one episode from each seed.

    `choose` is given observations (N, O) and gives the actions.
    """
    import numpy as np

    envs = [make_environment(wanted) for _ in seeds]
    seen = [env.reset(seed=seed)[0] for env, seed in zip(envs, seeds, strict=True)]
    won, lengths = [0.0] * len(envs), [0] * len(envs)
    playing = list(range(len(envs)))
    while playing:
        actions = choose(np.stack([seen[place] for place in playing]))
        going = []
        for place, action in zip(playing, actions, strict=True):
            seen[place], reward, ended, cut, _ = envs[place].step(action)
            won[place] += float(reward)
            lengths[place] += 1
            if not (ended or cut):
                going.append(place)
        playing = going
    for env in envs:
        env.close()
    return torch.tensor(won), torch.tensor(lengths)
