"""The pictures of a sweep, worked out as plain numbers: no request, no script needed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from app.sweeps.pages.words import measured, place_title, value_text
from app.sweeps.service.board import Board, Point
from worker.contract.search import Choice, Dimension, FloatRange

WIDTH, HEIGHT = 760, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 84, 44, 20
_CHOICE_TICKS = 8
_TOP_QUARTER = 4


class Tick(NamedTuple):
    """A mark on an axis; `y` in the picture's units."""

    y: float
    text: str


@dataclass(frozen=True)
class Axis:
    """One upright axis. `x` in the picture's units; `key` is the place, or `value`."""

    key: str
    title: str
    x: float
    ticks: Sequence[Tick]


@dataclass(frozen=True)
class Line:
    """A combination as a line; `at` holds its place on each axis from 0 (low) to 1."""

    point: int
    kind: str
    path: str
    at: Sequence[float]
    label: str


@dataclass(frozen=True)
class Parallel:
    """Parallel coordinates: an axis for each value, and one for what came of it."""

    axes: Sequence[Axis]
    lines: Sequence[Line]
    top: float = _TOP
    bottom: float = HEIGHT - _BOTTOM
    width: int = WIDTH
    height: int = HEIGHT


def parallel(board: Board) -> Parallel | None:
    """Return the picture; None without a search, or before anything was measured."""
    search = board.blocks.search
    seen = [point for point in board.points if shown_value(point) is not None]
    if search is None or not seen:
        return None
    values = [value for point in seen if (value := shown_value(point)) is not None]
    low, high = min(values), max(values)
    paths = list(search.space)
    step = (WIDTH - _LEFT - _RIGHT) / len(paths)
    axes = [
        Axis(path, place_title(path, board.recipe), _LEFT + number * step, _ticks(item))
        for number, (path, item) in enumerate(search.space.items())
    ]
    metric = board.sweep.metric
    ends = [Tick(_y(0), measured(low, metric)), Tick(_y(1), measured(high, metric))]
    axes.append(Axis("value", "", WIDTH - _RIGHT, ends if high > low else ends[:1]))
    kinds = _kinds(board)
    lines = []
    for point in seen:
        value = shown_value(point) or 0.0
        at = [search.space[path].position(point.params[path]) for path in paths]
        at.append((value - low) / (high - low) if high > low else 0.5)
        path = " ".join(f"{a.x:.1f},{_y(p):.1f}" for a, p in zip(axes, at, strict=True))
        lines.append(Line(point.number, kinds[point.number], path, at, measured(value, metric)))
    order = {"pruned": 0, "plain": 1, "good": 2, "best": 3}
    return Parallel(axes, sorted(lines, key=lambda line: order[line.kind]))


def shown_value(point: Point) -> float | None:
    """Return the mean, or how far a given-up or running combination came."""
    score = point.score
    if score is not None:
        return score.mean
    curves = [row.trial.curve for row in point.rows if row.trial.curve]
    return curves[-1][-1][1] if curves else None


def _kinds(board: Board) -> dict[int, str]:
    measured_points = [point for point in board.points if point.state == "succeeded"]
    ranked = sorted(
        measured_points,
        key=lambda point: board.signed(point.score.mean) if point.score else 0.0,
        reverse=True,
    )
    good = {point.number for point in ranked[: max(1, len(ranked) // _TOP_QUARTER)]}
    kinds = {point.number: "pruned" for point in board.points}
    kinds |= {point.number: "plain" for point in measured_points}
    kinds |= dict.fromkeys(good, "good")
    if ranked:
        kinds[ranked[0].number] = "best"
    return kinds


def _y(part: float) -> float:
    return HEIGHT - _BOTTOM - part * (HEIGHT - _BOTTOM - _TOP)


def _ticks(item: Dimension) -> list[Tick]:
    if isinstance(item, Choice):
        every = max(1, len(item.choice) // _CHOICE_TICKS)
        return [Tick(_y(item.position(v)), value_text(v)) for v in item.choice[::every]]
    low, high = item.bounds
    middle: list[float] = []
    if isinstance(item, FloatRange):
        middle = [(low * high) ** 0.5 if item.log else (low + high) / 2]
    return [Tick(_y(item.position(v)), f"{v:.3g}") for v in (low, *middle, high)]


@dataclass(frozen=True)
class History:
    """What each combination came to, and the best so far as a stair."""

    dots: Sequence[tuple[float, float, str, str]]
    stair: str
    ticks: Sequence[Tick]
    width: int = WIDTH
    height: int = 200
    left: int = _LEFT
    bests: Sequence[float] = field(default_factory=list)


def history(board: Board) -> History | None:
    """Return the picture; None before two combinations were measured."""
    done = [point for point in board.points if point.state == "succeeded" and point.score]
    if len(done) < 2:  # noqa: PLR2004 - one dot is no history
        return None
    values = {point.number: point.score.mean for point in done if point.score}
    low, high = min(values.values()), max(values.values())
    count = max(values)

    def place(number: int, value: float) -> tuple[float, float]:
        part = (value - low) / (high - low) if high > low else 0.5
        x = _LEFT + (number - 1) / max(1, count - 1) * (WIDTH - _LEFT - 24)
        return round(x, 1), round(176 - part * 140, 1)

    metric, kinds = board.sweep.metric, _kinds(board)
    dots = [
        (*place(number, value), kinds[number], f"{number}: {measured(value, metric)}")
        for number, value in values.items()
    ]
    best: float | None = None
    stair: list[str] = []
    for number, value in values.items():
        if best is None or board.signed(value) > board.signed(best):
            best = value
        x, y = place(number, best)
        stair.append(f"{'H' if stair else 'M'}{x}{'V' if stair else ','}{y}")
    ends = [Tick(176, measured(low, metric)), Tick(36, measured(high, metric))]
    return History(dots, "".join(stair), ends if high > low else ends[:1])
