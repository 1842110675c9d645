"""The best classes of an output."""

from collections.abc import Sequence

from torch import Tensor

from worker.contract.predictions import TOP, Scored


def best(scores_C: Tensor, labels: Sequence[str]) -> tuple[Scored, ...]:
    """Return the most probable classes of raw scores, the best first."""
    probabilities_C = scores_C.float().softmax(0)
    count = min(TOP, len(labels), len(probabilities_C))
    values, places = probabilities_C.topk(count)
    pairs = zip(values.tolist(), places.tolist(), strict=True)
    return tuple(Scored(label=labels[place], score=value) for value, place in pairs)
