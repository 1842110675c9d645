"""What a sweep tries: the `search`, `cross_validation` and `seeds` blocks beside a recipe."""

import itertools
import math
import random
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Discriminator, Field, JsonValue, Tag, model_validator

from worker.contract.base import Written, canonical_json

MAX_POINTS = 200
MAX_JOBS = 500
DEFAULT_POINTS = 12
_RANGE = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, serialize_by_alias=True)

Params = dict[str, JsonValue]
Direction = Literal["maximize", "minimize"]


class FloatRange(Written):
    """Numbers between two bounds, both included."""

    model_config = _RANGE
    bounds: tuple[float, float] = Field(alias="float", description="Smallest and largest value.")
    log: bool = Field(default=False, description="Even in powers of ten, as learning rates want.")
    steps: int = Field(default=5, ge=2, le=100, description="For grid: how many values.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _require_order(*self.bounds, log=self.log)
        return self

    def values(self) -> list[JsonValue]:
        """Return what a grid tries, ascending."""
        low, high = self.bounds
        parts = [number / (self.steps - 1) for number in range(self.steps)]
        if low >= high:
            return []
        return [*(float(f"{self._at(part):.6g}") for part in parts[:-1]), high]

    def draw(self, chance: random.Random) -> JsonValue:
        """Return a random value."""
        return self._at(chance.random())

    def position(self, value: JsonValue) -> float:
        """Return where a value lies between the bounds, from 0 to 1."""
        if not isinstance(value, int | float):
            return 0.0
        return _position(*self.bounds, float(value), log=self.log)

    def _at(self, part: float) -> float:
        low, high = self.bounds
        if self.log:
            return min(high, max(low, low * math.pow(high / low, part)))
        return min(high, max(low, low + (high - low) * part))


class IntRange(Written):
    """Whole numbers between two bounds, both included."""

    model_config = _RANGE
    bounds: tuple[int, int] = Field(alias="int", description="Smallest and largest value.")
    log: bool = Field(default=False, description="Even in powers of ten.")
    step: int = Field(default=1, ge=1, description="Distance of two values.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low, high = self.bounds
        _require_order(low, high, log=self.log)
        if self.log and self.step != 1:
            raise ValueError("log and step exclude each other")
        if (high - low) % self.step:
            raise ValueError("step must lead from the smallest to the largest value")
        return self

    def values(self) -> list[JsonValue]:
        """Return what a grid tries, ascending."""
        low, high = self.bounds
        values: list[JsonValue] = []
        values += range(low, high + 1, self.step)
        return values

    def draw(self, chance: random.Random) -> JsonValue:
        """Return a random value."""
        low, high = self.bounds
        if self.log:
            return min(high, max(low, round(low * math.pow(high / low, chance.random()))))
        return chance.randrange(low, high + 1, self.step)

    def position(self, value: JsonValue) -> float:
        """Return where a value lies between the bounds, from 0 to 1."""
        if not isinstance(value, int | float):
            return 0.0
        return _position(*self.bounds, float(value), log=self.log)


class Choice(Written):
    """One of some values: words, numbers, or whole parts of a recipe."""

    choice: tuple[JsonValue, ...] = Field(min_length=2, max_length=50, description="The values.")

    @model_validator(mode="after")
    def _different(self) -> Self:
        if len({canonical_json(value) for value in self.choice}) < len(self.choice):
            raise ValueError("a value is given twice")
        return self

    def values(self) -> list[JsonValue]:
        """Return what a grid tries, in the order it was written."""
        return list(self.choice)

    def draw(self, chance: random.Random) -> JsonValue:
        """Return a random value."""
        return chance.choice(self.choice)

    def position(self, value: JsonValue) -> float:
        """Return where a value stands among the others, from 0 to 1."""
        return self.index(value) / (len(self.choice) - 1)

    def index(self, value: JsonValue) -> int:
        """Return the number of a value, from 0."""
        return self.choice.index(value)


def _require_order(low: float, high: float, *, log: bool) -> None:
    if not (math.isfinite(low) and math.isfinite(high)) or low >= high:
        raise ValueError("the first number must be smaller than the second")
    if log and low <= 0:
        raise ValueError("with log both numbers must be above zero")


def _position(low: float, high: float, value: float, *, log: bool) -> float:
    if log:
        low, high, value = math.log(low), math.log(high), math.log(max(value, low))
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _kind(value: object) -> str | None:
    names = {FloatRange: "float", IntRange: "int", Choice: "choice"}
    if isinstance(value, dict):
        return next((name for name in names.values() if name in value), None)
    return next((name for kind, name in names.items() if isinstance(value, kind)), None)


Dimension = Annotated[
    Annotated[FloatRange, Tag("float")]
    | Annotated[IntRange, Tag("int")]
    | Annotated[Choice, Tag("choice")],
    Discriminator(
        _kind,
        custom_error_type="dimension",
        custom_error_message="write {float: [low, high]}, {int: [low, high]} or {choice: [...]}",
    ),
]
Path = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_.-]+$")]


class Search(Written):
    """Which values of the recipe are tried, how they are chosen, and what is compared."""

    sampler: Literal["grid", "random", "tpe"] = Field(
        default="tpe",
        description="grid: all combinations; random; tpe: near what was good so far.",
    )
    pruner: Literal["none", "median", "hyperband", "wilcoxon"] = Field(
        default="none",
        description=(
            "Ends hopeless trials early. median: worse than half of the others after the same "
            "epoch; hyperband: not among the best third; wilcoxon: worse fold by fold."
        ),
    )
    n_trials: int | None = Field(
        default=None,
        ge=1,
        le=MAX_POINTS,
        description=f"Combinations tried; {DEFAULT_POINTS}, for grid all of them.",
    )
    metric: str | None = Field(
        default=None,
        pattern=r"^(validation|eval)/[A-Za-z0-9_@.-]{1,60}$",
        description="What is compared, such as validation/loss; else the task's own number.",
    )
    direction: Direction | None = Field(
        default=None, description="maximize or minimize; else what the number asks for."
    )
    space: dict[Path, Dimension] = Field(
        min_length=1,
        max_length=10,
        description="Place in the recipe, lists counted from 0, to the values that are tried.",
    )
    max_concurrent_trials: int = Field(
        default=2, ge=1, le=16, description="Trials that wait or run at the same time."
    )
    timeout_s: float | None = Field(
        default=None, gt=0, le=30 * 86_400, description="No trial begins after so many seconds."
    )
    seed: int = Field(default=42, ge=0, le=2**31 - 1, description="Seed of the choices.")

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.sampler == "grid" and self.n_trials is None and self.grid_size > MAX_POINTS:
            raise ValueError(
                f"the grid has {self.grid_size} combinations: set n_trials to at most {MAX_POINTS}"
            )
        return self

    @property
    def grid_size(self) -> int:
        """How many combinations a grid has."""
        return math.prod(len(dimension.values()) for dimension in self.space.values())

    @property
    def num_points(self) -> int:
        """How many combinations are tried."""
        if self.sampler == "grid":
            return min(self.n_trials or self.grid_size, self.grid_size)
        return self.n_trials or DEFAULT_POINTS

    def point(self, number: int) -> Params:
        """Return combination `number` (from 0) of a grid or of random choices.

        It depends on the seed and the number alone, so that workers in parallel, a restart and
        a run without a site all try the same.

        Raises:
            ValueError: tpe learns from results and has no such list.
        """
        if self.sampler == "tpe":
            raise ValueError("tpe chooses by the results so far")
        if self.sampler == "random":
            # A dice for each place: in which order they were written must not matter.
            dice = {path: f"{self.seed}:{number}:{path}" for path in self.space}
            return {path: item.draw(random.Random(dice[path])) for path, item in self.space.items()}
        return self._grid_point(number)

    def _grid_point(self, number: int) -> Params:
        index = number
        if self.num_points < self.grid_size:  # a part of a grid is taken from all over it
            chance = random.Random(self.seed)
            index = chance.sample(range(self.grid_size), self.num_points)[number]
        params: Params = {}
        for path in sorted(self.space, reverse=True):
            values = self.space[path].values()
            index, rest = divmod(index, len(values))
            params[path] = values[rest]
        return {path: params[path] for path in self.space}


class CrossValidation(Written):
    """Each part of the training data validates once, so that every image counts."""

    n_splits: int = Field(default=5, ge=2, le=20, description="Parts (folds) of the data.")
    stratified: bool = Field(default=True, description="Each part has every class equally.")
    group_column: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="Column of what must stay together: a patient, a recording.",
    )
    repeats: int = Field(default=1, ge=1, le=10, description="Times over, divided anew.")
    refit: bool = Field(
        default=False, description="At the end, train the best values once more on all parts."
    )


class Run(Written):
    """One training among those that measure a combination. `fold` counts from 1; 0 for none."""

    repeat: int = 0
    fold: int = 0
    seed: int


class Blocks(Written):
    """Everything a sweep adds to a recipe."""

    search: Search | None = None
    cross_validation: CrossValidation | None = None
    seeds: tuple[Annotated[int, Field(ge=0, le=2**31 - 1)], ...] = Field(
        default=(), max_length=20, description="Train with each of these seeds."
    )

    @model_validator(mode="after")
    def _useful(self) -> Self:
        if self.search is None and self.cross_validation is None and not self.seeds:
            raise ValueError("a sweep needs search, cross_validation or seeds")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("a seed is given twice")
        if self.num_jobs > MAX_JOBS:
            raise ValueError(f"this makes {self.num_jobs} jobs; {MAX_JOBS} is the most")
        if self.search is not None and self.search.pruner == "wilcoxon" and self.num_runs < _PAIRS:
            raise ValueError(
                f"wilcoxon compares folds or seeds and needs at least {_PAIRS} of them"
            )
        return self

    @property
    def num_points(self) -> int:
        """How many combinations are tried; 1 without a search."""
        return self.search.num_points if self.search else 1

    @property
    def num_runs(self) -> int:
        """How many trainings measure one combination."""
        folds = self.cross_validation
        return (folds.n_splits * folds.repeats if folds else 1) * max(1, len(self.seeds))

    @property
    def num_jobs(self) -> int:
        """How many jobs there are if nothing is pruned."""
        return self.num_points * self.num_runs

    def runs(self, seed: int) -> list[Run]:
        """Return the trainings of each combination; `seed` is the recipe's own."""
        folds = self.cross_validation
        repeats = range(folds.repeats) if folds else range(1)
        parts = range(1, folds.n_splits + 1) if folds else [0]
        return [
            Run(repeat=repeat, fold=fold, seed=one)
            for one, repeat, fold in itertools.product(self.seeds or (seed,), repeats, parts)
        ]


# Of fewer pairs even the clearest difference could be chance.
_PAIRS = 5
