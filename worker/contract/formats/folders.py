"""Class folders: the names of folders are splits and classes, whatever kind of files they hold."""

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from worker.contract.formats.base import is_junk
from worker.contract.items import UNLABELED, Item, canonical_split, is_split

_CLASS_DEPTH = 2


@dataclass
class Folders:
    """What lies in class folders, what lies outside of them, and classes without any file."""

    items: list[Item] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    empty_classes: list[str] = field(default_factory=list)

    @property
    def labels(self) -> list[str]:
        """The classes, sorted."""
        return sorted({item.label for item in self.items})


def read_folders(paths: Sequence[str], everything: Iterable[str]) -> Folders:
    """Return the files in class folders.

    Args:
        paths: the files of the wanted kind.
        everything: all paths; empty folders end in `/`.
    """
    prefix = _common_prefix(paths)
    parts_of = {path: path[len(prefix) :].split("/") for path in paths}
    has_splits = any(
        is_split(parts[0]) and len(parts) > _CLASS_DEPTH for parts in parts_of.values()
    )
    read = Folders()
    for path, parts in parts_of.items():
        place = _place(parts, has_splits=has_splits)
        if place is None:
            read.outside.append(path)
        else:
            read.items.append(Item(path, place[1], place[0]))
    read.empty_classes = _empty_classes(everything, prefix, read.items, has_splits=has_splits)
    return read


def _common_prefix(paths: Sequence[str]) -> str:
    """Return the folders that all files share and that are neither a split nor a class."""
    prefix = ""
    while paths:
        rests = [path[len(prefix) :].split("/") for path in paths]
        first = rests[0][0]
        if is_split(first):
            break
        if not all(parts[0] == first and len(parts) > _CLASS_DEPTH for parts in rests):
            break
        prefix += first + "/"
    return prefix


def _place(parts: Sequence[str], *, has_splits: bool) -> tuple[str | None, str] | None:
    """Return (split, class) of a path below the common prefix, or None when it is in no class."""
    if not has_splits:
        return (None, parts[0]) if len(parts) >= _CLASS_DEPTH else None
    if is_split(parts[0]) and canonical_split(parts[0]) == UNLABELED:
        # Folders below are not asked for, and say nothing where there are some.
        return UNLABELED, ""
    if not is_split(parts[0]) or len(parts) <= _CLASS_DEPTH:
        return None
    return canonical_split(parts[0]), parts[1]


def _empty_classes(
    everything: Iterable[str], prefix: str, items: Sequence[Item], *, has_splits: bool
) -> list[str]:
    filled = {(item.split, item.label) for item in items}
    seen = set()
    for folder in {posixpath.dirname(path) for path in everything}:
        if not (folder + "/").startswith(prefix) or is_junk(folder):
            continue
        place = _place([*folder[len(prefix) :].split("/"), ""], has_splits=has_splits)
        if place is not None and place[1]:
            seen.add(place)
    return sorted(f"{split}/{label}" if split else label for split, label in seen - filled)
