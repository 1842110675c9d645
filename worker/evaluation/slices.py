"""The metric on parts of a split: where a model is weak although the mean looks well."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

from worker.contract.after_results import Slice
from worker.evaluation.metrics import accuracy_interval

MAX_VALUES = 30
_BUCKETS = 4


def size_buckets(numbers: Sequence[float], unit: str = "") -> list[str]:
    """Return for each sample the bucket of its number; quarters of the samples, fewer if alike."""
    ordered = sorted(numbers)
    cuts = sorted({ordered[len(ordered) * part // _BUCKETS] for part in range(1, _BUCKETS)})
    cuts = [cut for cut in cuts if cut > ordered[0]]
    edges = [ordered[0], *cuts, ordered[-1]]
    names = [
        _range(low, high, unit, last=place == len(cuts))
        for place, (low, high) in enumerate(pairwise(edges))
    ]
    return [names[sum(number >= cut for cut in cuts)] for number in numbers]


def _range(low: float, high: float, unit: str, *, last: bool) -> str:
    sign = "≤" if last else "<"
    text = f"{low:g}" if low == high else f"{low:g} … {sign} {high:g}"
    return f"{text} {unit}".strip()


def accuracy_slices(right: Sequence[bool], groups: Mapping[str, Sequence[str]]) -> list[Slice]:
    """Return the accuracy of each value of each group, the weakest first within its group.

    Args:
        right: whether each sample was decided rightly.
        groups: name of a grouping to the value of each sample; an empty value is left out. One
            with more than 30 values keeps its 30 largest.
    """
    found: list[Slice] = []
    for name, values in groups.items():
        marks: dict[str, list[bool]] = defaultdict(list)
        for value, mark in zip(values, right, strict=True):
            if value:
                marks[value].append(mark)
        largest = sorted(marks.items(), key=lambda item: -len(item[1]))[:MAX_VALUES]
        # One value for all is the headline again.
        rows = [_slice(name, *item) for item in largest] if len(marks) > 1 else []
        found += sorted(rows, key=lambda row: row.metric)
    return found


def _slice(name: str, value: str, marks: Sequence[bool]) -> Slice:
    low, high = accuracy_interval(sum(marks), len(marks))
    return Slice(
        by=name,
        value=value,
        size=len(marks),
        metric=sum(marks) / len(marks),
        low=low,
        high=high,
    )
