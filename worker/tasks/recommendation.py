"""Recommendation: what a user will choose next, from what everybody chose before."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import torch
from pydantic import JsonValue
from torch import Tensor

from worker.contract.bases import PinnedBase
from worker.contract.failures import FailureCode, RunError
from worker.contract.manifest import Result
from worker.contract.recipe import Head, Stem
from worker.data.batches import Batch, Split
from worker.data.interactions import LONGEST, Catalogue, InteractionSplit
from worker.data.samples import Samples
from worker.evaluation.recommendation import RankMeter, guess_loss
from worker.export.snippets_table import recommendation_snippet
from worker.modeling.groups import HEAD, Group
from worker.modeling.nets import LIBRARY
from worker.modeling.nets.two_tower import TwoTower
from worker.modeling.network import Network
from worker.modeling.weights import load_weights, read_weights
from worker.task import ModelFiles, Task

ARCHITECTURE = "two-tower"
_ITEMS, _USERS = "item_tower", "user_tower"
_WIDTH = 32


class Recommendation(Task):
    """Learns vectors of users and items. The user tower is the head, so items can stay frozen."""

    catalogue: Catalogue

    def look(self, samples: Mapping[str, Samples]) -> None:
        """Number the users and items of training."""
        self.catalogue = Catalogue.of(samples["train"])

    def build(self) -> Network:
        """Return both towers; items and users that the base knows keep their vectors."""
        base = self.plan.base
        if base.architecture != ARCHITECTURE:
            reason = f"{base.repo} is no network that recommends."
            raise RunError(FailureCode.BASE_INVALID, reason)
        torch.manual_seed(self.plan.recipe.reproducibility.seed)
        module = TwoTower(len(self.catalogue.users), len(self.catalogue.items), self._width)
        counts_I = self.catalogue.counts_I
        # Somebody of whom nothing is known is best shown what is popular.
        module.item_tower.bias.weight.data[:, 0] = (counts_I / counts_I.sum()).log()
        if base.weights == "pretrained":
            self._take_over(module, base, self.setting.weights)
        module.history.copy_(self.catalogue.history)
        names = [name for name, _ in module.named_parameters()]
        groups = [
            Group(group, tuple(name for name in names if name.startswith(f"{tower}.")))
            for group, tower in ((_ITEMS, _ITEMS), (HEAD, _USERS))
        ]
        return Network(module, _USERS, groups, Head(), Stem(), [])

    @property
    def _width(self) -> int:
        width = self.plan.base.config.get("width")
        return width if isinstance(width, int) else _WIDTH

    def _take_over(self, module: TwoTower, base: PinnedBase, weights: Path | None) -> None:
        if weights is None:
            raise RunError(FailureCode.BASE_NOT_FOUND, f"There are no weights for {base.repo}.")
        users, items = _names(base, "users"), _names(base, "items")
        old = TwoTower(len(users), len(items), self._width)
        load_weights(old, read_weights(weights), weights.name)
        own = self.catalogue
        with torch.no_grad():
            for before, after in _shared(items, own.item_numbers):
                module.item_tower.vectors.weight[after] = old.item_tower.vectors.weight[before]
                module.item_tower.bias.weight[after] = old.item_tower.bias.weight[before]
            for before, after in _shared(users, own.user_numbers):
                module.user_tower.vectors.weight[after] = old.user_tower.vectors.weight[before]
        module.user_tower.from_items.load_state_dict(old.user_tower.from_items.state_dict())

    def load(self, samples: Mapping[str, Samples]) -> dict[str, Split]:
        """Return the choices of every split; a test never recommends what came before it."""
        splits: dict[str, Split] = {}
        before: dict[int, set[int]] = defaultdict(set)
        for name in ("train", "validation", "test"):
            if name not in samples:
                continue
            users_N, items_N = self.catalogue.numbers(samples[name].rows)
            hidden = {user: set(items) for user, items in before.items()}
            splits[name] = InteractionSplit(
                self.catalogue, users_N, items_N, samples[name].names, hidden, self.setting.device
            )
            for user, item in zip(users_N.tolist(), items_N.tolist(), strict=True):
                if item >= 0 and name == "validation":
                    before[user].add(item)
        return splits

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the loss of what was chosen among the other choices of the batch."""
        return guess_loss(output[0], batch.targets)

    def meter(self, split: Split) -> RankMeter:
        """Return a meter of ranks among all items."""
        del split
        return RankMeter(self.catalogue.counts_I)

    def files(self, network: Network, result: Result) -> ModelFiles:
        """Return the config, with the names of users and items."""
        del network, result
        users: list[JsonValue] = list(self.catalogue.users)
        items: list[JsonValue] = list(self.catalogue.items)
        config: dict[str, JsonValue] = {
            "architecture": f"{LIBRARY}/{ARCHITECTURE}",
            "library_name": LIBRARY,
            "task": self.plan.recipe.task,
            "width": self._width,
            "longest": LONGEST,
            "users": users,
            "items": items,
        }
        return ModelFiles(snippet=recommendation_snippet(), jsons={"config.json": config})


def _names(base: PinnedBase, key: str) -> list[str]:
    names = base.config.get(key)
    if not isinstance(names, list):
        raise RunError(FailureCode.BASE_INVALID, f"The config.json of {base.repo} lists no {key}.")
    return [str(name) for name in names]


def _shared(names: list[str], numbers: Mapping[str, int]) -> list[tuple[int, int]]:
    """Return (number before, number now) of what both know."""
    return [(place, numbers[name]) for place, name in enumerate(names) if name in numbers]


TASK = Recommendation
