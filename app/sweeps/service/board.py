"""A sweep as it stands, worked out from its trials: no database, no request."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from app.jobs.schemas import JobState
from app.sweeps.queries import TrialRow
from app.sweeps.tables import Sweep
from worker.contract.recipe import Recipe
from worker.contract.search import Blocks, Run

PointState = Literal["running", "succeeded", "pruned", "failed", "cancelled"]
_SPREAD = 2  # fewer numbers have no spread


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation of some numbers; `sd` is None for a single one."""

    mean: float
    sd: float | None
    count: int


def spread(values: Iterable[float | None]) -> Spread | None:
    """Return mean and deviation of what is known; None when nothing is."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    sd = statistics.stdev(known) if len(known) >= _SPREAD else None
    return Spread(statistics.fmean(known), sd, len(known))


@dataclass
class Point:
    """A combination of values and the jobs that measure it."""

    number: int
    params: dict[str, Any]
    runs: Sequence[Run]
    rows: list[TrialRow] = field(default_factory=list)

    @property
    def missing(self) -> list[Run]:
        """The trainings that were not begun yet."""
        begun = {_run_of(row) for row in self.rows}
        return [run for run in self.runs if run not in begun]

    @property
    def is_pruned(self) -> bool:
        """Whether the sweep gave it up."""
        return any(row.trial.pruned for row in self.rows)

    @property
    def is_live(self) -> bool:
        """Whether one of its jobs has not ended."""
        return any(not row.job.state.is_final for row in self.rows)

    @property
    def is_open(self) -> bool:
        """Whether a training is still to be begun."""
        return bool(self.missing) and not self.is_pruned and not self._is_broken

    @property
    def is_measured(self) -> bool:
        """Whether every training came to a value."""
        return not self.missing and all(row.trial.value is not None for row in self.rows)

    @property
    def state(self) -> PointState:
        """Where it stands."""
        if self.is_measured and not self.is_live:
            return "succeeded"
        if self.is_pruned:
            return "pruned"
        if self._has(JobState.FAILED):
            return "failed"
        if self.is_live or (self.missing and not self._is_broken):
            return "running"
        return "cancelled" if self._has(JobState.CANCELLED) else "failed"

    @property
    def score(self) -> Spread | None:
        """The compared measure over what has been trained."""
        return spread(row.trial.value for row in self.rows)

    @property
    def test_score(self) -> Spread | None:
        """The same measure of the test images."""
        return spread(row.trial.test_value for row in self.rows)

    def values_by_run(self) -> list[float | None]:
        """Return the value of each training, in their order; None where there is none yet."""
        known = {_run_of(row): row.trial.value for row in self.rows}
        return [known.get(run) for run in self.runs]

    @property
    def _is_broken(self) -> bool:
        return self._has(JobState.FAILED) or self._has(JobState.CANCELLED)

    def _has(self, state: JobState) -> bool:
        return any(row.job.state is state for row in self.rows)


def _run_of(row: TrialRow) -> Run:
    trial = row.trial
    return Run(repeat=trial.repeat, fold=trial.fold, seed=trial.seed)


class Board:
    """All points of a sweep, and what follows from them."""

    def __init__(self, sweep: Sweep, rows: Sequence[TrialRow]) -> None:
        self.sweep = sweep
        self.blocks = Blocks.model_validate(sweep.blocks)
        self.rows = rows
        self.points: list[Point] = []
        self.refit: TrialRow | None = None
        runs = self.blocks.runs(self.recipe.reproducibility.seed)
        by_number: dict[int, Point] = {}
        for row in rows:
            if self.blocks.cross_validation is not None and row.trial.fold == 0:
                self.refit = row
                continue
            number = row.trial.point
            if number not in by_number:
                by_number[number] = Point(number, row.trial.params, runs)
            by_number[number].rows.append(row)
        self.points = [by_number[number] for number in sorted(by_number)]
        self.runs = runs

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe without the blocks of the sweep."""
        return Recipe.model_validate(self.sweep.recipe)

    @property
    def live(self) -> list[TrialRow]:
        """The trials whose jobs have not ended."""
        return [row for row in self.rows if not row.job.state.is_final]

    @property
    def ended(self) -> list[TrialRow]:
        """The trials whose jobs have ended."""
        return [row for row in self.rows if row.job.state.is_final]

    @property
    def num_jobs(self) -> int:
        """How many jobs there are if none is given up."""
        folds = self.blocks.cross_validation
        return self.blocks.num_jobs + (1 if folds is not None and folds.refit else 0)

    @property
    def planned_epochs(self) -> int:
        """Epochs of a whole trial; 0 where a stage counts steps instead."""
        epochs = [stage.epochs for stage in self.recipe.stages]
        return 0 if None in epochs else sum(number or 0 for number in epochs)

    @property
    def best(self) -> Point | None:
        """The best point of those that are wholly measured."""
        measured = [point for point in self.points if point.state == "succeeded"]
        return max(measured, key=self._rank, default=None)

    @property
    def best_row(self) -> TrialRow | None:
        """The job whose model is best to keep: the final training, else the best single one."""
        if self.refit is not None and self.refit.job.state is JobState.SUCCEEDED:
            return self.refit
        best = self.best
        if best is None:
            return None
        return max(best.rows, key=lambda row: self.signed(row.trial.value or 0.0))

    def signed(self, value: float) -> float:
        """Return a value so that higher is better."""
        return value if self.sweep.maximize else -value

    def _rank(self, point: Point) -> float:
        score = point.score
        return self.signed(score.mean) if score is not None else float("-inf")
