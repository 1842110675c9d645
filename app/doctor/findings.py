"""What a look at one thing says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from app.core.settings import Settings
from app.embedded.layout import DataDir, Runtime


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what was seen, and what to do about it."""

    check: str
    level: Level
    message: str
    fix: str = ""


@dataclass(frozen=True)
class Patient:
    """The site to look at: its directory, its settings and its tree if one runs."""

    data: DataDir
    settings: Settings
    runtime: Runtime | None
    backups: Path

    @property
    def database_url(self) -> str:
        """The database that answers now, empty if none can."""
        running = self.runtime.database_url if self.runtime else ""
        return self.settings.database_url or running


Check = Callable[[Patient], Iterator[Finding]]


def first_line(error: Exception) -> str:
    """Return what an error says, in one line."""
    return (str(error).splitlines() or [type(error).__name__])[0]
