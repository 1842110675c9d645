"""A few examples of a data set, small enough to be kept with its inventory and shown."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from pydantic import Field, JsonValue

from worker.contract.base import Wire
from worker.contract.facts import FileFact
from worker.contract.items import Item, Layout

NUM_SAMPLES = 12
_MAX_CHARS = 600
_MAX_PARTS = 120


class Sample(Wire):
    """One example as the training sees it; long texts and lists are cut."""

    path: str
    row: int | None = None
    label: str = ""
    labels: tuple[str, ...] = ()
    split: str | None = None
    width: int = 0
    height: int = 0
    seconds: float = 0.0
    values: dict[str, JsonValue] = Field(default_factory=dict)


def samples_of(layout: Layout, facts: Sequence[FileFact]) -> list[Sample]:
    """Return a few examples that can be used, taking turns between the classes.

    They are those of training where it is told apart, and lie far from each other: neighbours
    often come from one text or one day.
    """
    by_class: dict[str, list[int]] = defaultdict(list)
    has_training = any(item.split == "train" for item in layout.items)
    for number, (item, fact) in enumerate(zip(layout.items, facts, strict=True)):
        name = item.label or (item.labels[0] if item.labels else "")
        if fact.error is None and (item.split == "train" or not has_training):
            by_class[name].append(number)
    turns = _turns([_spread(row) for row in by_class.values()])
    picked = [number for number, _ in zip(turns, range(NUM_SAMPLES), strict=False)]
    return [sample_of(layout.items[number], facts[number]) for number in picked]


def sample_of(item: Item, fact: FileFact | None = None) -> Sample:
    """Return an item with its long values cut."""
    return Sample(
        path=item.path,
        row=item.row,
        label=item.label,
        labels=item.labels,
        split=item.split,
        width=fact.width if fact else 0,
        height=fact.height if fact else 0,
        seconds=fact.seconds if fact else 0.0,
        values={name: _cut(value) for name, value in item.values.items()},
    )


def _spread(row: list[int]) -> list[int]:
    step = max(1, len(row) // NUM_SAMPLES)
    return row[::step][:NUM_SAMPLES]


def _turns(rows: list[list[int]]) -> Iterator[int]:
    longest = max((len(row) for row in rows), default=0)
    return (row[turn] for turn in range(longest) for row in rows if turn < len(row))


def _cut(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return value if len(value) <= _MAX_CHARS else value[: _MAX_CHARS - 1] + "…"
    if isinstance(value, list):
        return [_cut(part) for part in value[:_MAX_PARTS]]
    if isinstance(value, dict):
        return {key: _cut(part) for key, part in value.items()}
    return value
