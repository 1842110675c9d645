"""Reinforcement learning: an agent learns from what its actions win in an environment."""

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from worker.contract.environment import Environment
from worker.contract.failures import FailureCode, RunError
from worker.contract.manifest import Result
from worker.contract.recipe import Head, Stem
from worker.data.batches import Batch, Split
from worker.data.episodes import EpisodeSplit, play
from worker.data.samples import Samples
from worker.evaluation.returns import ReturnMeter
from worker.export.snippets_agent import agent_snippet
from worker.modeling.groups import HEAD, Group
from worker.modeling.nets import LIBRARY
from worker.modeling.network import Network
from worker.modeling.weights import load_weights, read_weights
from worker.task import ModelFiles, Setting, Task
from worker.training.ppo import Agent, RolloutStepper, build_agent

ARCHITECTURE = "mlp-policy"
ROLLOUTS_PER_EPOCH = 10
_EPISODES = {"validation": 10, "test": 20}
# Seeds of one split never meet those of another.
_FIRST_SEEDS = {"validation": 1_000_000, "test": 2_000_000}
_GROUPS = {
    "policy_body": ("mlp_extractor.policy_net.",),
    "value_head": ("mlp_extractor.value_net.", "value_net."),
    HEAD: ("action_net.",),
}


class ReinforcementLearning(Task):
    """Trains a policy with PPO. A batch is what is played between two updates."""

    agent: Agent

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        env = self.plan.recipe.env
        assert env is not None  # noqa: S101 - the recipe sees to it
        self._env: Environment = env

    def build(self) -> Network:
        """Return policy and value network, with the base's weights."""
        base, recipe = self.plan.base, self.plan.recipe
        if base.architecture != ARCHITECTURE:
            raise RunError(FailureCode.BASE_INVALID, f"{base.repo} is no policy of an agent.")
        torch.manual_seed(recipe.reproducibility.seed)
        self.agent = build_agent(
            self._env, self._hidden, recipe.train.usual_batch, self.setting.device
        )
        policy = self.agent.policy
        if base.weights == "pretrained":
            weights = self.setting.weights
            if weights is None:
                raise RunError(FailureCode.BASE_NOT_FOUND, f"There are no weights for {base.repo}.")
            load_weights(policy, read_weights(weights), weights.name)
        names = [name for name, _ in policy.named_parameters()]
        groups = [
            Group(group, tuple(name for name in names if name.startswith(prefixes)))
            for group, prefixes in _GROUPS.items()
        ]
        # No part of a policy is behind features that could be computed once: it has no head path.
        return Network(policy, "", groups, Head(), Stem(), [])

    @property
    def _hidden(self) -> list[int]:
        hidden = self.plan.base.config.get("hidden")
        return [int(str(width)) for width in hidden] if isinstance(hidden, list) else [64, 64]

    def load(self, samples: Mapping[str, Samples]) -> dict[str, Split]:
        """Return the steps of an epoch, and the episodes that measure."""
        del samples
        steps = ROLLOUTS_PER_EPOCH * self.plan.recipe.train.usual_batch
        measured = {
            name: EpisodeSplit(range(_FIRST_SEEDS[name], _FIRST_SEEDS[name] + count))
            for name, count in _EPISODES.items()
        }
        return {"train": EpisodeSplit(range(steps)), **measured}

    def stepper(self, precision: Any) -> RolloutStepper:
        """Return what plays and learns in place of the loop's own updates."""
        del precision
        return RolloutStepper(self.agent, ROLLOUTS_PER_EPOCH)

    def forward(self, module: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Play one episode from each seed, always with the best action."""
        policy: Any = module
        return play(
            lambda seen: policy.predict(seen, deterministic=True)[0], self._env, inputs.tolist()
        )

    def loss(self, output: Any, batch: Batch) -> Tensor:
        """Return the mean return, turned round; training has its own loss."""
        del batch
        won_N: Tensor = output[0]
        return -won_N.mean()

    def meter(self, split: Split) -> ReturnMeter:
        """Return a meter of returns."""
        del split
        return ReturnMeter()

    def files(self, network: Network, result: Result) -> ModelFiles:
        """Return the config, with the environment the agent knows."""
        del result
        tensors = network.module.state_dict()
        hidden: list[JsonValue] = list(self._hidden)
        config: dict[str, JsonValue] = {
            "architecture": f"{LIBRARY}/{ARCHITECTURE}",
            "library_name": LIBRARY,
            "task": self.plan.recipe.task,
            "env": self._env.model_dump(mode="json"),
            "observations": tensors["mlp_extractor.policy_net.0.weight"].shape[1],
            "actions": tensors["action_net.weight"].shape[0],
            "hidden": hidden,
        }
        return ModelFiles(snippet=agent_snippet(), jsons={"config.json": config})


TASK = ReinforcementLearning
