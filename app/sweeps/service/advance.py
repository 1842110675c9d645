"""Moving a sweep on: take over what was measured, give up what is hopeless, begin what is next.

Everything is read from rows and written in one transaction under the sweep's lock, so it does not
matter which process does it, how often, or where the last one was killed.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog

from app.accounts import service as accounts
from app.core.clock import now
from app.core.db import AsyncSession, Database
from app.core.errors import AppError, ConflictError, ForbiddenError, RateLimitedError
from app.core.i18n import _
from app.core.security import READ_SCOPES, Scope, Viewer
from app.core.storage import BlobStore
from app.jobs.schemas import JobState, Priority
from app.jobs.service import control, submission
from app.jobs.service.curves import epochs_of
from app.jobs.service.examination import Doctor
from app.sweeps import queries
from app.sweeps.queries import TrialRow
from app.sweeps.schemas import SweepState
from app.sweeps.service import choosing, pruning
from app.sweeps.service.board import Board, Point
from app.sweeps.tables import Sweep, Trial
from worker.contract.search import Params, Run
from worker.contract.sweep_text import named, trial_recipe

log = structlog.get_logger(__name__)

NO_RESULT = "No trial came to a result."

# Without a search nobody says how many may run at once.
_AT_ONCE = 4
# So many failures and no success: the next ones would fail too.
_HOPELESS = 3


async def advance(database: Database, storage: BlobStore, sweep_id: int) -> None:
    """Do what can be done now for a sweep; nothing if it has ended or another process is at it."""
    async with database.transaction() as db:
        if not await queries.try_lock_sweep(db, sweep_id):
            return
        sweep = await queries.sweep_by_id(db, sweep_id)
        if sweep is not None and not sweep.state.is_final:
            await _Turn(db, database, storage, sweep).take()


def tried(board: Board) -> list[choosing.Tried]:
    """Return the points as the sampler wants them."""
    states: dict[str, Any] = {"succeeded": "measured", "running": "live", "pruned": "pruned"}
    found = []
    for point in board.points:
        score = point.score
        value = score.mean if score else _last(point.rows)
        found.append(choosing.Tried(point.params, states.get(point.state, "lost"), value))
    return found


def _last(rows: Sequence[TrialRow]) -> float | None:
    curves = [row.trial.curve for row in rows if row.trial.curve]
    return curves[-1][-1][1] if curves else None


class _Turn:
    """One look at one sweep."""

    def __init__(
        self, db: AsyncSession, database: Database, storage: BlobStore, sweep: Sweep
    ) -> None:
        self._db = db
        self._database = database
        self._storage = storage
        self._sweep = sweep

    async def take(self) -> None:
        """Look, and do what follows."""
        board = await self._measured()
        for row, found in list(pruning.hopeless(board)):
            await self._give_up(board, row, pruning.noted(found))
        failed = [row for row in board.ended if row.job.state is JobState.FAILED]
        if len(failed) >= _HOPELESS and len(failed) == len(board.ended):
            await self._end(board, SweepState.FAILED, _first_reason(failed))
            return
        if self._sweep.state is SweepState.PAUSED:
            return
        try:
            waits = await self._fill(board)
            board = Board(self._sweep, await queries.trials_of(self._db, [self._sweep.id]))
        except AppError as error:
            await self._end(board, SweepState.FAILED, error.message)
            return
        if not waits and not board.live:
            done = board.best is not None
            reason = "" if done else NO_RESULT
            await self._end(board, SweepState.SUCCEEDED if done else SweepState.FAILED, reason)

    async def _measured(self) -> Board:
        """Take over the numbers of trials that still miss some."""
        rows = await queries.trials_of(self._db, [self._sweep.id])
        open_rows = [row for row in rows if row.trial.value is None]
        ids = [row.trial.job_id for row in open_rows]
        epochs = await epochs_of(self._db, ids) if ids else {}
        results = await queries.results_of(self._db, ids) if ids else {}
        for row in open_rows:
            curve = _curve(epochs.get(row.trial.job_id, []), self._sweep.metric)
            if curve != row.trial.curve:
                row.trial.curve = curve
            splits = results.get(row.trial.job_id, {})
            if row.job.state is JobState.SUCCEEDED:
                row.trial.value = _measure(splits.get("validation"), self._sweep.metric)
                row.trial.test_value = _measure(splits.get("test"), self._sweep.metric)
        await self._db.flush()
        return Board(self._sweep, rows)

    async def _give_up(self, board: Board, row: TrialRow, reason: dict[str, Any]) -> None:
        row.trial.pruned = reason
        for other in board.live:
            if other.trial.point == row.trial.point:
                other.trial.pruned = reason
                await _cancel(self._db, other)
        log.info("trial_pruned", sweep_id=self._sweep.id, point=row.trial.point, by=reason["by"])

    async def _fill(self, board: Board) -> bool:
        """Begin trials until enough of them live; return whether more are to come later."""
        search = board.blocks.search
        free = (search.max_concurrent_trials if search else _AT_ONCE) - len(board.live)
        viewer: Viewer | None = None
        while True:
            following = await self._following(board)
            if following is None:
                return False
            if free <= 0:
                return True
            point, run = following
            viewer = viewer or await _owner(self._db, self._sweep.owner_id)
            try:
                await self._begin(board, viewer, point, run)
            except RateLimitedError:
                return True  # the owner's queue is full; later there is room again
            free -= 1
            board = Board(self._sweep, await queries.trials_of(self._db, [self._sweep.id]))

    async def _following(self, board: Board) -> tuple[Point, Run] | None:
        if self._is_late(board):
            return None
        for point in board.points:
            if point.is_open:
                return point, point.missing[0]
        if len(board.points) < board.blocks.num_points:
            params = await self._choose(board)
            return Point(len(board.points) + 1, params, board.runs), board.runs[0]
        folds, best = board.blocks.cross_validation, board.best
        if folds is None or not folds.refit or board.refit is not None or board.live:
            return None
        return (best, Run(seed=board.recipe.reproducibility.seed)) if best is not None else None

    def _is_late(self, board: Board) -> bool:
        search = board.blocks.search
        if search is None or search.timeout_s is None:
            return False
        return now() > self._sweep.created_at + timedelta(seconds=search.timeout_s)

    async def _choose(self, board: Board) -> Params:
        search = board.blocks.search
        if search is None:
            return {}
        known = tried(board)
        return await asyncio.to_thread(
            choosing.suggest, search, known, maximize=self._sweep.maximize
        )

    async def _begin(self, board: Board, viewer: Viewer, point: Point, run: Run) -> None:
        recipe = trial_recipe(board.recipe, board.blocks, point.params, run)
        recipe = named(recipe, _short_name(point, run, board))
        doctor = Doctor(self._database, self._storage, viewer)
        job, _known = await submission.submit(
            self._db,
            doctor,
            viewer,
            recipe.model_dump(mode="json"),
            begun=submission.Begun(priority=Priority.BATCH),
        )
        labels = {"sweep": str(self._sweep.id), "point": str(point.number)}
        await control.set_labels(self._db, job, labels)
        self._db.add(
            Trial(
                sweep_id=self._sweep.id,
                job_id=job.id,
                point=point.number,
                params=point.params,
                repeat=run.repeat,
                fold=run.fold,
                seed=run.seed,
            )
        )
        await self._db.flush()
        log.info("trial_begun", sweep_id=self._sweep.id, point=point.number, job_id=job.id)

    async def _end(self, board: Board, state: SweepState, reason: str) -> None:
        await end(self._db, self._sweep, board.live, state, reason)


def _first_reason(failed: Sequence[TrialRow]) -> str:
    sentence = (failed[0].job.failure or {}).get("sentence")
    return str(sentence) if sentence else NO_RESULT


def _short_name(point: Point, run: Run, board: Board) -> str:
    parts = [f"{point.number}"]
    if run.fold:
        parts.append(f"r{run.repeat + 1}f{run.fold}" if run.repeat else f"f{run.fold}")
    elif board.blocks.cross_validation is not None:
        return "final"
    if len(board.blocks.seeds) > 1:
        parts.append(f"s{run.seed}")
    return "-".join(parts)


async def end(
    db: AsyncSession, sweep: Sweep, live: Sequence[TrialRow], state: SweepState, reason: str = ""
) -> None:
    """End a sweep, and with it the trials that still live."""
    for row in live:
        await _cancel(db, row)
    sweep.state, sweep.reason, sweep.finished_at = state, reason, now()
    await db.flush()
    log.info("sweep_ended", sweep_id=sweep.id, state=state.value)


async def _cancel(db: AsyncSession, row: TrialRow) -> None:
    job = await control.job_of(db, row.trial.job_id)
    if job is None or job.cancel_requested:
        return
    try:
        await control.cancel_job(db, job)
    except ConflictError:
        log.info("trial_had_ended", job_id=job.id)


def _curve(epochs: Sequence[dict[str, Any]], metric: str) -> list[list[float]]:
    return [
        [float(epoch["epoch"]), value]
        for epoch in epochs
        if (value := _epoch_value(epoch, metric)) is not None
    ]


def _epoch_value(epoch: dict[str, Any], metric: str) -> float | None:
    if metric == "loss":
        return _number(epoch.get("validation_loss"))
    if metric == epoch.get("metric"):
        return _number(epoch.get("validation_value"))
    return _number((epoch.get("values") or {}).get(metric))


def _measure(split: dict[str, Any] | None, metric: str) -> float | None:
    if split is None:
        return None
    if metric == "loss":
        return _number(split.get("loss"))
    if metric == split.get("metric"):
        return _number(split.get("value"))
    return _number((split.get("values") or {}).get(metric))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


async def _owner(db: AsyncSession, user_id: int) -> Viewer:
    """Return the person a sweep works for, with their rights as they are now.

    Raises:
        ForbiddenError: the account is suspended.
        NotFoundError: it is gone.
    """
    person = await accounts.person(db, user_id)
    if person.user.is_suspended:
        raise ForbiddenError(_("This account is suspended."))
    organizations = await accounts.organizations_of(db, user_id)
    return Viewer(
        user_id=user_id,
        name=person.account.name,
        scopes=READ_SCOPES | {Scope.JOBS_WRITE},
        organization_ids=frozenset(account.id for account, _role in organizations),
    )
