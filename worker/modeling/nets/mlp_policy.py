"""An agent: one small network chooses what to do, another says how much is still to be won."""

import torch
from torch import nn


def layers(inputs: int, hidden: list[int]) -> nn.Sequential:
    """Return linear layers with tanh after each."""
    parts: list[nn.Module] = []
    for width in hidden:
        parts += [nn.Linear(inputs, width), nn.Tanh()]
        inputs = width
    return nn.Sequential(*parts)


class MlpPolicy(nn.Module):
    """Gives scores of actions (B, A) for observations (B, O)."""

    def __init__(self, observations: int, actions: int, hidden: list[int]) -> None:
        super().__init__()
        self.mlp_extractor = nn.ModuleDict(
            {"policy_net": layers(observations, hidden), "value_net": layers(observations, hidden)}
        )
        self.action_net = nn.Linear(hidden[-1], actions)
        self.value_net = nn.Linear(hidden[-1], 1)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Return scores; the highest is the action to take."""
        scores: torch.Tensor = self.action_net(self.mlp_extractor["policy_net"](observations))
        return scores
