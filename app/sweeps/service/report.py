"""A sweep as the API and the pages show it."""

import asyncio

from app.core.i18n import _
from app.sweeps.queries import TrialRow
from app.sweeps.schemas import PointOut, SweepItem, SweepOut, TrialOut, trial_state
from app.sweeps.service import choosing, pruning
from app.sweeps.service.advance import NO_RESULT, tried
from app.sweeps.service.board import Board, Point
from worker.contract.sweep_text import SweepRecipe


def sweep_item(board: Board) -> SweepItem:
    """Return a sweep for a list."""
    sweep = board.sweep
    best = board.best
    score = best.score if best else None
    return SweepItem(
        id=sweep.id,
        title=sweep.title,
        task=board.recipe.task,
        state=sweep.state,
        reason=told_reason(sweep.reason),
        metric=sweep.metric,
        direction="maximize" if sweep.maximize else "minimize",
        num_jobs=board.num_jobs,
        num_started=len(board.rows),
        num_ended=len(board.ended),
        best=score.mean if score else None,
        created_at=sweep.created_at,
        finished_at=sweep.finished_at,
    )


def told_reason(reason: str) -> str:
    """Return why a sweep ended, in the reader's language."""
    if reason == NO_RESULT:
        return _("No trial came to a result.")
    return _(reason) if reason else ""


async def sweep_out(board: Board) -> SweepOut:
    """Return a sweep, whole; what mattered is computed in a thread."""
    search = board.blocks.search
    importance: dict[str, float] = {}
    if search is not None:
        importance = await asyncio.to_thread(
            choosing.importance, search, tried(board), maximize=board.sweep.maximize
        )
    best, row = board.best, board.best_row
    return SweepOut(
        **dict(sweep_item(board)),
        recipe=SweepRecipe(board.recipe, board.blocks).to_json(),
        points=[point_out(point) for point in board.points],
        best_point=best.number if best else None,
        best_job=row.trial.job_id if row else None,
        importance=importance,
    )


def point_out(point: Point) -> PointOut:
    """Return a combination of values with its mean over folds and seeds."""
    score, test = point.score, point.test_score
    return PointOut(
        point=point.number,
        params=point.params,
        state=point.state,
        mean=score.mean if score else None,
        sd=score.sd if score else None,
        test_mean=test.mean if test else None,
        test_sd=test.sd if test else None,
        num_values=score.count if score else 0,
        job_ids=[row.trial.job_id for row in point.rows],
    )


def trial_out(row: TrialRow) -> TrialOut:
    """Return one trial."""
    trial = row.trial
    return TrialOut(
        point=trial.point,
        job_id=trial.job_id,
        state=trial_state(row.job.state, pruned=trial.pruned is not None),
        params=trial.params,
        repeat=trial.repeat,
        fold=trial.fold,
        seed=trial.seed,
        value=trial.value,
        test_value=trial.test_value,
        curve=trial.curve,
        pruned=pruning.told(trial.pruned),
    )
