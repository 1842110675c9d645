"""What a data set is read into: one item for everything that can be learned from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field, JsonValue

from worker.contract.base import Wire, canonical_json
from worker.contract.findings import Finding
from worker.contract.sources import FileSource

Media = Literal["image", "audio", "text", "table", "none"]
Values = Mapping[str, JsonValue]
# The split of examples whose classes are not known.
UNLABELED = "unlabeled"
_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "unlabeled": UNLABELED,
    "unlabelled": UNLABELED,
}
# What is to be learned, not what is learned from: two items that differ only here are copies.
TARGETS = frozenset(
    {"tags", "answers", "objects", "mask", "target", "rating", "timestamp", "weight"}
)
WEIGHT = "weight"
# What begins the values of further tasks that learn from the same sample.
TASK_VALUE = "task:"
# What begins the values by which samples are measured apart.
SLICE_VALUE = "slice:"


@dataclass(frozen=True, slots=True)
class Item:
    """One example as the training sees it.

    `path` is the file it comes from, and `row` the line or row there, from 1, where a file holds
    several. `split` is canonical (train, validation, test) where it is known. `label` is its one
    class; `labels` are several (tags of a text, kinds of objects in a picture). `values` holds
    everything of the canonical row besides the file. Items of one `group` are never parted.
    """

    path: str
    label: str = ""
    split: str | None = None
    row: int | None = None
    values: Values = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    group: str | None = None

    @property
    def key(self) -> str:
        """The name of this item in its data set."""
        return self.path if self.row is None else f"{self.path}:{self.row}"

    def content(self, media: Media) -> str:
        """Return what makes two rows copies of each other: all they hold but their targets."""
        targets = TARGETS | {"text"} if media in {"image", "audio"} else TARGETS
        learned_from = {
            name: value
            for name, value in self.values.items()
            if name not in targets and not name.startswith((TASK_VALUE, SLICE_VALUE))
        }
        return canonical_json(learned_from)


class Candidate(Wire):
    """A format that a data set may have. `score` is 0 to 100; `{name}` in `reason` is a param."""

    format: str
    score: int
    reason: str
    params: dict[str, str | int] = Field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """The English reason, filled in."""
        return self.reason.format(**self.params)


@dataclass
class Layout:
    """How a data set is laid out, and what is wrong with it before any media file is opened.

    `columns` are the columns of its tables, `mapping` says which of them became which value, and
    `notes` tells what was found besides (a tag scheme, an encoding). `files` reads the items' files
    where they lie packed in others.
    """

    kind: str = "none"
    media: Media = "none"
    items: list[Item] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    empty_classes: list[str] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    mapping: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    files: FileSource | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """What every item has, sorted: of `image`, `audio`, `label`, `labels` and its values."""
        if not self.items:
            return ()
        common = set(self.items[0].values)
        for item in self.items:
            common &= item.values.keys()
        common |= {self.media} & {"image", "audio"}
        if all(item.label for item in self.items if item.split != UNLABELED):
            common.add("label")
        if any(item.labels for item in self.items):
            common.add("labels")
        return tuple(sorted(common))


def canonical_split(name: str) -> str:
    """Return train, validation or test for their usual names, else the name itself."""
    return _SPLITS.get(name.lower(), name)


def is_split(name: str) -> bool:
    """Whether a folder or file of this name holds a split."""
    return name.lower() in _SPLITS


def text_of(cell: object) -> str:
    """Return a cell as the text a person would write for it; nothing for null."""
    if isinstance(cell, str):
        return cell
    if cell is None:
        return ""
    if isinstance(cell, dict) and isinstance(cell.get("path"), str):
        return str(cell["path"])
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def listed(names: Sequence[str], most: int = 12) -> str:
    """Return names in one line; of many only the first ones."""
    rest = f", … ({len(names)})" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
