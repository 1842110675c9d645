"""Choosing the samples that are worth an explanation."""

from typing import Literal, NamedTuple

from torch import Tensor

Why = Literal["confident-right", "confident-wrong", "uncertain"]


class Chosen(NamedTuple):
    """The place of a sample in the split, and why it was chosen."""

    place: int
    why: Why


def choose(logits_NC: Tensor, labels_N: Tensor, count: int) -> list[Chosen]:
    """Return up to `count` samples: the surest right, the surest wrong, the most uncertain.

    Each kind gets a third; where there are fewer of one, the others get more. No sample twice.
    """
    sure_N, chosen_N = logits_NC.double().softmax(1).max(1)
    right_N = chosen_N == labels_N
    order = sure_N.argsort(descending=True, stable=True).tolist()
    kinds: dict[Why, list[int]] = {
        "confident-right": [index for index in order if right_N[index]],
        "confident-wrong": [index for index in order if not right_N[index]],
        "uncertain": order[::-1],
    }
    found: list[Chosen] = []
    taken: set[int] = set()
    while len(found) < min(count, len(labels_N)):
        for why, indices in kinds.items():
            index = next((index for index in indices if index not in taken), None)
            if index is not None and len(found) < count:
                taken.add(index)
                found.append(Chosen(index, why))
    return sorted(found, key=lambda item: list(kinds).index(item.why))
