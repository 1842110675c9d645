"""Two towers: one gives users a vector, the other items; what fits points the same way."""

import torch
from torch import nn


class ItemTower(nn.Module):
    """Gives an item a vector, and a number that says how often it is chosen by anybody."""

    def __init__(self, items: int, width: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(items, width)
        self.bias = nn.Embedding(items, 1)
        nn.init.normal_(self.vectors.weight, std=width**-0.5)
        nn.init.zeros_(self.bias.weight)

    def forward(self, items: torch.Tensor) -> torch.Tensor:
        """Return the vectors of items."""
        vectors: torch.Tensor = self.vectors(items)
        return vectors


class UserTower(nn.Module):
    """Gives a user a vector: from what was chosen before, and one of their own on top."""

    def __init__(self, users: int, width: int) -> None:
        super().__init__()
        # The last row is for anybody who is not known; it stays zero.
        self.vectors = nn.Embedding(users + 1, width, padding_idx=users)
        self.from_items = nn.Linear(width, width)
        nn.init.zeros_(self.vectors.weight)

    def forward(self, users: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """Return vectors of users, given the mean vector of what they chose."""
        own: torch.Tensor = self.vectors(users)
        cold: torch.Tensor = self.from_items(chosen)
        return torch.stack((own + cold, cold))


class TwoTower(nn.Module):
    """Scores items for users. `history` (U + 1, H) holds what each chose; -1 is nothing."""

    history: torch.Tensor

    def __init__(self, users: int, items: int, width: int = 32, longest: int = 100) -> None:
        super().__init__()
        self.item_tower = ItemTower(items, width)
        self.user_tower = UserTower(users, width)
        self.register_buffer("history", torch.full((users + 1, longest), -1))

    def forward(
        self, users: torch.Tensor, candidates: torch.Tensor, without: torch.Tensor
    ) -> torch.Tensor:
        """Return scores (2, B, C): of the users, and as if only their items were known.

        `without` (B,) is left out of each history: the item that is to be guessed, or -1.
        """
        items = self.history[users]
        known = (items >= 0) & (items != without[:, None])
        vectors = self.item_tower(items.clamp_min(0)) * known[..., None]
        chosen = vectors.sum(1) / known.sum(1, keepdim=True).clamp_min(1)
        both = self.user_tower(users, chosen)
        scores = both @ self.item_tower(candidates).T
        scored: torch.Tensor = scores + self.item_tower.bias(candidates)[:, 0]
        return scored
