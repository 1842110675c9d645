"""What users chose, as numbers: who, what, and what they had chosen before."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from worker.contract.items import Item
from worker.data.batches import Batch
from worker.data.samples import Samples

LONGEST = 100


@dataclass
class Catalogue:
    """The users and items of training, by number, with what each user chose, oldest first.

    `counts_I` says how often each item was chosen.
    """

    users: tuple[str, ...]
    items: tuple[str, ...]
    chosen: list[list[int]]
    counts_I: Tensor
    user_numbers: Mapping[str, int] = field(default_factory=dict)
    item_numbers: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, samples: Samples) -> "Catalogue":
        """Return the catalogue of the training split."""
        pairs = [_pair(row) for row in samples.rows]
        users = tuple(sorted({user for user, _ in pairs}))
        items = tuple(sorted({item for _, item in pairs}))
        user_numbers = {name: number for number, name in enumerate(users)}
        item_numbers = {name: number for number, name in enumerate(items)}
        by_user: dict[str, list[tuple[float, str]]] = defaultdict(list)
        for fact, (user, item) in zip(samples.facts, pairs, strict=True):
            by_user[user].append((fact.order or 0.0, item))
        chosen = [
            [item_numbers[item] for _, item in sorted(by_user[user], key=lambda pair: pair[0])]
            for user in users
        ]
        counts = Counter(item for _, item in pairs)
        counts_I = torch.tensor([float(counts[item]) for item in items])
        return cls(users, items, chosen, counts_I, user_numbers, item_numbers)

    @property
    def history(self) -> Tensor:
        """The newest choices of each user (U + 1, H), -1 where there are none."""
        rows = torch.full((len(self.users) + 1, LONGEST), -1)
        for number, items in enumerate(self.chosen):
            newest = items[-LONGEST:]
            rows[number, : len(newest)] = torch.tensor(newest)
        return rows

    def numbers(self, rows: Sequence[Item]) -> tuple[Tensor, Tensor]:
        """Return users and items of rows; a new user has the last number, a new item -1."""
        pairs = [_pair(row) for row in rows]
        users = [self.user_numbers.get(user, len(self.users)) for user, _ in pairs]
        items = [self.item_numbers.get(item, -1) for _, item in pairs]
        return torch.tensor(users), torch.tensor(items)


def _pair(row: Item) -> tuple[str, str]:
    return str(row.values["user"]), str(row.values["item"])


@dataclass
class Guess:
    """What is to be guessed: places (B,) among the candidates, -1 for none of them.

    `hidden` (B, C) are candidates that do not count: what the user has chosen already.
    `correction` (C,) is taken from the scores of candidates that were drawn unevenly.
    """

    places: Tensor
    hidden: Tensor
    correction: Tensor | None = None


@dataclass
class InteractionSplit:
    """Choices of users. For training the other items of a batch are what was not chosen."""

    catalogue: Catalogue
    users_N: Tensor
    items_N: Tensor
    names: Sequence[str]
    also_hidden: Mapping[int, set[int]]
    device: torch.device

    def __post_init__(self) -> None:
        self.labels: Tensor | None = None
        self.lengths: Tensor | None = None
        counts_I = self.catalogue.counts_I
        self._log_share_I = (counts_I / counts_I.sum()).log()
        self._everything = torch.arange(len(self.catalogue.items))

    def __len__(self) -> int:
        return len(self.names)

    def targets(self, indices: Tensor) -> Guess:
        """Return what is to be guessed among all items."""
        users, items = self.users_N[indices], self.items_N[indices]
        hidden = torch.zeros(len(users), len(self._everything), dtype=torch.bool)
        for row, user in enumerate(users.tolist()):
            if user < len(self.catalogue.users):
                seen = [*self.catalogue.chosen[user], *self.also_hidden.get(user, ())]
                hidden[row, seen] = True
        found = items >= 0
        hidden[found.nonzero().flatten(), items[found]] = False
        return Guess(items.to(self.device), hidden.to(self.device))

    def take(self, indices: Tensor, *, train: bool) -> Batch:
        """Return users with the candidates: those of the batch for training, else all items."""
        users, items = self.users_N[indices], self.items_N[indices]
        if train:
            same = items[:, None] == items[None]
            places = torch.arange(len(items))
            hidden = same & ~torch.eye(len(items), dtype=torch.bool)
            guess = Guess(
                places.to(self.device),
                hidden.to(self.device),
                self._log_share_I[items].to(self.device),
            )
            candidates, without = items, items
        else:
            guess, candidates = self.targets(indices), self._everything
            without = torch.full_like(items, -1)
        inputs = {"users": users, "candidates": candidates, "without": without}
        moved = {name: tensor.to(self.device) for name, tensor in inputs.items()}
        return Batch(moved, guess, len(indices))
