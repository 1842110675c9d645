"""Proximal policy optimisation of stable-baselines3 behind the loop's own steps.

One step of the loop is one rollout and the updates from it; rates, what trains, checkpoints and
events stay with the loop.
"""

from dataclasses import dataclass
from typing import Any

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import DummyVecEnv

from worker.contract.environment import Environment
from worker.data.batches import Batch
from worker.data.episodes import make_environment
from worker.training.optimizers import set_rates
from worker.training.stage import ActiveStage
from worker.training.step import Step

_MINIBATCH = 64
_MAX_GRAD_NORM = 0.5
_LARGEST_SEED = 2**31 - 1
# The progress of the algorithm's own schedules is not used.
_ENDLESS = 10**12


class _Quiet(BaseCallback):
    def _on_step(self) -> bool:
        return True


class Agent(PPO):
    """An agent whose rates and trained parts are decided outside."""

    _callback: BaseCallback

    def _update_learning_rate(self, optimizers: Any) -> None:
        """Leave the rates as the stage's own optimizer has them."""

    def begin(self, seed: int) -> None:
        """Start every copy of the environment afresh."""
        assert self.env is not None  # noqa: S101 - an agent is made with one
        self.env.seed(seed)
        self._last_obs = None
        self.set_logger(Logger(None, []))
        _, self._callback = self._setup_learn(_ENDLESS, _Quiet())
        set_random_seed(seed)

    def rollout(self) -> None:
        """Play with every copy for some steps, keeping what happened."""
        assert self.env is not None and self.ep_info_buffer is not None  # noqa: S101, PT018 - begin() made both
        self.ep_info_buffer.clear()
        self.collect_rollouts(self.env, self._callback, self.rollout_buffer, self.n_steps)

    @property
    def returns(self) -> list[float]:
        """The returns of the episodes that ended in the last rollout."""
        return [float(info["r"]) for info in self.ep_info_buffer or ()]


def build_agent(env: Environment, hidden: list[int], steps: int, device: torch.device) -> Agent:
    """Return an agent with random weights that plays `steps` steps between updates."""
    games = DummyVecEnv([lambda: Monitor(make_environment(env))] * env.n_envs)
    each = max(2, steps // env.n_envs)
    return Agent(
        "MlpPolicy",
        games,
        n_steps=each,
        batch_size=min(_MINIBATCH, each * env.n_envs),
        policy_kwargs={"net_arch": {"pi": hidden, "vf": hidden}},
        device=device,
    )


@dataclass
class RolloutStepper:
    """Makes one rollout and the updates from it where the loop asks for a step.

    The environment starts afresh every `per_epoch` steps, from a seed that the epoch decides, so a
    run that was stopped between epochs goes on as if it had not been.
    """

    agent: Agent
    per_epoch: int
    _done: int = 0

    def step(self, active: ActiveStage, batch: Batch, factor: float) -> Step:
        """Play and learn; return the rates, the last loss and the returns of ended episodes."""
        del batch
        if self._done % self.per_epoch == 0:
            self.agent.begin(int(torch.randint(_LARGEST_SEED, ())))
        self._done += 1
        rates = set_rates(active.optimizer, factor)
        self.agent.policy.optimizer = active.optimizer
        self.agent.max_grad_norm = active.stage.optimizer.max_grad_norm or _MAX_GRAD_NORM
        self.agent.rollout()
        self.agent.train()
        loss = float(self.agent.logger.name_to_value["train/loss"])
        returns = self.agent.returns
        return Step(rates, loss, (sum(returns), len(returns)) if returns else None)
