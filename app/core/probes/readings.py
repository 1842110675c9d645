"""What a probe found."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How something stands. `off` is: this site does without it, and that is in order."""

    OFF = "off"
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Reading:
    """How one part stands. `problem` is a word of a fixed list, for the page to put into words."""

    name: str
    level: Level
    problem: str = ""
    figures: dict[str, Any] = field(default_factory=dict)


_ORDER = [Level.OFF, Level.OK, Level.WARN, Level.FAIL]


def worst(levels: Iterable[Level]) -> Level:
    """Return the level of the whole: that of the part that stands worst."""
    return max([Level.OK, *levels], key=_ORDER.index)
