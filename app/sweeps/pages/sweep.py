"""The page of one sweep: what was tried, what mattered, and what is done with the best."""

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Form, Path, Request, Response
from pydantic import BaseModel, Field

from app.core.db import AsyncSession
from app.core.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from app.core.http import Db, JobReader, JobWriter, database, storage_of
from app.core.i18n import _
from app.core.security import Scope, Viewer
from app.core.templating import render
from app.sweeps.pages import plots
from app.sweeps.pages.words import (
    Chip,
    measure_title,
    measured,
    place_title,
    see,
    sweep_chip,
    to_sign_in,
    trial_chip,
    value_text,
)
from app.sweeps.policy import access_sweep
from app.sweeps.queries import TrialRow
from app.sweeps.schemas import PromoteIn
from app.sweeps.service import promoting, pruning, report, steering
from app.sweeps.service.board import Board, Point
from app.sweeps.tables import Sweep
from worker.contract.recipe_text import recipe_to_yaml

router = APIRouter()
SweepId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class Share(NamedTuple):
    """How much a value matters; `part` is a fraction."""

    title: str
    part: float


class PointRow(NamedTuple):
    """A line of the table of combinations."""

    point: Point
    chip: Chip
    values: list[str]
    mean: str
    sd: str
    test: str
    epochs: int
    why: str
    trials: list[tuple[TrialRow, Chip, str]]
    is_best: bool


@dataclass(frozen=True)
class Refused:
    """A publish form that was sent and not accepted."""

    message: str
    fix: str
    name: str


@router.get("/sweeps/{sweep_id}")
async def sweep_page(request: Request, sweep_id: SweepId, db: Db, viewer: JobReader) -> Response:
    """Show a sweep; the page is complete without a script."""
    if not viewer.is_signed_in:
        return to_sign_in(request)
    sweep = await access_sweep(db, viewer, sweep_id)
    return await _show(request, db, viewer, sweep)


async def _show(
    request: Request, db: AsyncSession, viewer: Viewer, sweep: Sweep, refused: Refused | None = None
) -> Response:
    board = await steering.board_of(db, sweep)
    page = render(
        request,
        "sweeps/sweep.html",
        viewer=viewer,
        status=422 if refused else 200,
        refused=refused,
        **await _context(board),
    )
    page.headers["Cache-Control"] = "no-store"
    return page


async def _context(board: Board) -> dict[str, Any]:
    out = await report.sweep_out(board)
    best, recipe = board.best, promoting.best_recipe(board)
    shares = sorted(out.importance.items(), key=lambda pair: -pair[1])
    paths = list(board.blocks.search.space) if board.blocks.search else []
    return {
        "sweep": out,
        "chip": sweep_chip(out.state),
        "measured": measured,
        "metric_title": measure_title(out.metric),
        "blocks": board.blocks,
        "titles": [place_title(path, board.recipe) for path in paths],
        "paths": paths,
        "value_text": value_text,
        "rows": [_row(board, point, paths) for point in _ranked(board)],
        "refit": _trial(board.refit) if board.refit is not None else None,
        "best": _row(board, best, paths) if best is not None else None,
        "best_job": out.best_job,
        "best_yaml": recipe_to_yaml(recipe) if recipe is not None else "",
        "importance": [Share(place_title(path, board.recipe), part) for path, part in shares],
        "parallel": plots.parallel(board),
        "history": plots.history(board),
        "words": {
            "low": _("%(axis)s, lower end"),
            "high": _("%(axis)s, upper end"),
            "shown": _("%(n)d of %(all)d combinations are in the ranges."),
        },
        "model_name": f"{board.sweep.title}-best"[:96],
    }


def _ranked(board: Board) -> list[Point]:
    """Return the measured combinations, best first, then the others as they began."""

    def rank(point: Point) -> tuple[bool, float, int]:
        score = point.score if point.state == "succeeded" else None
        return (score is None, -board.signed(score.mean) if score else 0.0, point.number)

    return sorted(board.points, key=rank)


def _row(board: Board, point: Point, paths: list[str]) -> PointRow:
    out = report.point_out(point)
    metric = board.sweep.metric
    reason = next((row.trial.pruned for row in point.rows if row.trial.pruned), None)
    shown = plots.shown_value(point)
    return PointRow(
        point=point,
        chip=trial_chip(out.state),
        values=[value_text(point.params[path]) for path in paths],
        mean=measured(shown, metric),
        sd=measured(out.sd, metric) if out.sd is not None else "",
        test=measured(out.test_mean, metric),
        epochs=sum(len(row.trial.curve) for row in point.rows),
        why=pruning.told(reason, lambda value: measured(value, metric)) or "",
        trials=[_trial(row) for row in point.rows],
        is_best=board.best is not None and board.best.number == point.number,
    )


def _trial(row: TrialRow) -> tuple[TrialRow, Chip, str]:
    out = report.trial_out(row)
    return row, trial_chip(out.state), out.pruned or ""


@router.post("/sweeps/{sweep_id}/pause")
async def pause(sweep_id: SweepId, db: Db, viewer: JobWriter) -> Response:
    """Begin no more trials."""
    sweep = await access_sweep(db, viewer, sweep_id)
    await steering.pause(db, sweep)
    return see(f"/sweeps/{sweep.id}")


@router.post("/sweeps/{sweep_id}/resume")
async def resume(sweep_id: SweepId, db: Db, viewer: JobWriter) -> Response:
    """Go on with a paused sweep."""
    sweep = await access_sweep(db, viewer, sweep_id)
    await steering.resume(db, sweep)
    return see(f"/sweeps/{sweep.id}")


@router.post("/sweeps/{sweep_id}/cancel")
async def cancel(sweep_id: SweepId, db: Db, viewer: JobWriter) -> Response:
    """End a sweep and its live trials."""
    sweep = await access_sweep(db, viewer, sweep_id)
    await steering.cancel(db, sweep)
    return see(f"/sweeps/{sweep.id}")


class PromoteAnswers(BaseModel):
    """The publish form as it was sent."""

    name: str = Field(default="", max_length=200)


@router.post("/sweeps/{sweep_id}/promote")
async def promote(
    request: Request,
    sweep_id: SweepId,
    db: Db,
    viewer: JobWriter,
    answers: Annotated[PromoteAnswers, Form()],
) -> Response:
    """Publish the best trial's model under the viewer's name, or say why not."""
    viewer.require_scope(Scope.REPOS_WRITE)
    sweep = await access_sweep(db, viewer, sweep_id)
    wanted = PromoteIn(owner=viewer.name, name=answers.name.strip())
    try:
        # A transaction of its own: when it fails half-way, the page can still be read.
        async with database(request).transaction() as own:
            published = await promoting.promote(own, storage_of(request), viewer, sweep, wanted)
    except (InvalidError, ConflictError, ForbiddenError, NotFoundError) as problem:
        refused = Refused(problem.message, problem.fix, answers.name)
        return await _show(request, db, viewer, sweep, refused)
    return see(published.url)
