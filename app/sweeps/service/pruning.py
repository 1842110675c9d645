"""Giving trials up: the rules of the contract over the rows of a sweep."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from app.core.i18n import _
from app.jobs.schemas import JobState
from app.sweeps.queries import TrialRow
from app.sweeps.service.board import Board, Point
from worker.contract.pruning import Curve, Pruned, hyperband_rule, median_rule, wilcoxon_rule


def hopeless(board: Board) -> Iterator[tuple[TrialRow, Pruned]]:
    """Yield what should be given up now: for each point at most one trial, with the reason."""
    search = board.blocks.search
    if search is None or search.pruner == "none":
        return
    for point in board.points:
        if point.is_pruned or not (point.is_live or point.is_open):
            continue
        if search.pruner == "wilcoxon":
            found = _by_folds(board, point)
            if found is not None:
                yield point.rows[-1], found
            continue
        for row in point.rows:
            found = _by_curve(board, row) if row.job.state is JobState.RUNNING else None
            if found is not None:
                yield row, found
                break


def _by_folds(board: Board, point: Point) -> Pruned | None:
    best = board.best
    if best is None:
        return None
    mine, theirs = (
        [None if value is None else board.signed(value) for value in one.values_by_run()]
        for one in (point, best)
    )
    return _unsigned(board, wilcoxon_rule(mine, theirs))


def _by_curve(board: Board, row: TrialRow) -> Pruned | None:
    """Judge a running trial by the trials of the same fold and seed."""
    mine = _curve(board, row)
    planned = board.planned_epochs
    if not mine or (planned and max(mine) >= planned):
        return None  # at its last epoch there is nothing left to save
    trial = row.trial
    rivals = {
        other.trial.point: _curve(board, other)
        for other in board.rows
        if other.trial.id != trial.id
        and (other.trial.repeat, other.trial.fold, other.trial.seed)
        == (trial.repeat, trial.fold, trial.seed)
    }
    search = board.blocks.search
    if search is not None and search.pruner == "hyperband":
        epochs = planned or max([*mine, *(at for curve in rivals.values() for at in curve)])
        return _unsigned(board, hyperband_rule(trial.point, mine, rivals, epochs))
    return _unsigned(board, median_rule(mine, list(rivals.values())))


def _curve(board: Board, row: TrialRow) -> Curve:
    return {int(epoch): board.signed(value) for epoch, value in row.trial.curve}


def _unsigned(board: Board, found: Pruned | None) -> Pruned | None:
    if found is None:
        return None
    value, bar = board.signed(found.value), board.signed(found.bar)
    return Pruned(found.by, found.at, value, bar)


def noted(found: Pruned) -> dict[str, Any]:
    """Return the reason as it is kept with the trial."""
    return asdict(found)


def told(
    reason: dict[str, Any] | None, show: Callable[[float], str] = "{:.4g}".format
) -> str | None:
    """Return why a trial was given up, as a sentence in the reader's language.

    Args:
        reason: what was kept with the trial.
        show: writes a value of the compared measure.
    """
    if reason is None:
        return None
    numbers = {"at": reason["at"], "value": show(reason["value"]), "bar": show(reason["bar"])}
    if reason["by"] == "median":
        text = _("After epoch %(at)d it had %(value)s; half of the others had %(bar)s or better.")
    elif reason["by"] == "hyperband":
        text = _("After epoch %(at)d it had %(value)s; the best third had %(bar)s or better.")
    else:
        text = _(
            "Over %(at)d folds it came to %(value)s, the best to %(bar)s: "
            "worse fold by fold (Wilcoxon, 10 %%)."
        )
    return text % numbers
