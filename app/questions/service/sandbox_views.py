"""Sandboxes and their runs as pages and programs are shown them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.jobs.schemas import JobState


@dataclass(frozen=True)
class SandboxRunView:
    """A run as one viewer may see it; `opens` says whether its page does."""

    num: int
    runner: str
    is_mine: bool
    opens: bool
    patch: str
    state: JobState
    metric: str
    value: float | None
    created_at: datetime
    job_id: int | None = None


@dataclass(frozen=True)
class SandboxView:
    """A sandbox as its page shows it."""

    question_id: int
    owner: str
    is_own: bool
    recipe: str
    max_runs: int
    max_minutes: float
    num_runs: int
    until: datetime
    is_open: bool
    runs: Sequence[SandboxRunView] = ()

    @property
    def num_left(self) -> int:
        """How many runs are left."""
        return max(0, self.max_runs - self.num_runs)


@dataclass(frozen=True)
class SandboxRunDetail:
    """A run with what it measured and what it said; nothing of it is a file."""

    run: SandboxRunView
    recipe: str
    measures: Mapping[str, float]
    sentence: str
    fix: str
    log: Sequence[str]
    curve: Sequence[tuple[float, float]]
