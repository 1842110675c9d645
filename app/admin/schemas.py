"""Shapes of what administrators see."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.core.probes import Level

# So long after the last look nobody knows how a part stands.
STALE_S = 45.0
PARTS = ("web", "database", "broker", "storage", "mail", "disk", "clock", "workers")


@dataclass(frozen=True)
class Part:
    """How one part of the site stands."""

    name: str
    level: Level
    problem: str
    figures: dict[str, Any]
    since: datetime | None
    checked_at: datetime | None


@dataclass(frozen=True)
class Figure:
    """A number of today. With `is_more`, it is that or larger: nobody counts on for a page."""

    name: str
    value: float
    is_more: bool = False
    unit: str = ""
    address: str = ""


@dataclass(frozen=True)
class Overview:
    """The site at one glance."""

    level: Level
    parts: Sequence[Part]
    figures: Sequence[Figure] = field(default=())


@dataclass(frozen=True)
class SettingView:
    """A setting that can be changed while the site runs; secrets tell only whether they are set."""

    name: str
    family: str
    kind: str
    value: int | str
    default: int | str
    is_changed: bool
    least: int
    most: int
    description: str
    changed_at: datetime | None = None
