"""What people do with sweeps: begin, list, pause, go on, cancel."""

import structlog
from pydantic import JsonValue

from app.core.db import AsyncSession, Database
from app.core.errors import ConflictError, RateLimitedError
from app.core.events import emit
from app.core.i18n import _
from app.core.pagination import Page, decode_cursor, encode_cursor
from app.core.security import Viewer
from app.core.storage import BlobStore
from app.jobs.service import submission
from app.jobs.service.examination import Doctor, Examined, invalid
from app.sweeps import queries
from app.sweeps.events import SweepChanged
from app.sweeps.schemas import SweepState
from app.sweeps.service.advance import end
from app.sweeps.service.board import Board
from app.sweeps.tables import Sweep
from worker.contract.recipe import Recipe
from worker.contract.recipe_text import RecipeError
from worker.contract.sweep_text import (
    SweepRecipe,
    goal,
    sweep_from_text,
    sweep_from_values,
    trial_recipe,
)

log = structlog.get_logger(__name__)

MAX_OPEN = 5


def read_sweep(given: dict[str, JsonValue] | str) -> SweepRecipe:
    """Return the sweep a text or plain values describe.

    Raises:
        InvalidError: with every problem, where it is and how to mend it.
    """
    try:
        return sweep_from_text(given) if isinstance(given, str) else sweep_from_values(given)
    except RecipeError as error:
        raise invalid(error, _("The sweep is not valid."), "sweep_invalid") from error


async def begin(
    db: AsyncSession,
    database: Database,
    storage: BlobStore,
    viewer: Viewer,
    given: dict[str, JsonValue] | str,
) -> Sweep:
    """Check a sweep, pin what it reads, and let it begin.

    Raises:
        InvalidError: the blocks, the recipe, the base or the data are not fit.
        NotFoundError: the base or the data are missing, or invisible to the viewer.
        RateLimitedError: too many of the viewer's sweeps have not ended.
    """
    user_id = viewer.require_user()
    wanted = read_sweep(given)
    metric, maximize = goal(wanted.recipe, wanted.blocks)
    # The last fold is the smallest: what is enough for it is enough for the others.
    last = wanted.blocks.runs(wanted.recipe.reproducibility.seed)[-1]
    trial = trial_recipe(wanted.recipe, wanted.blocks, {}, last)
    examined = await Doctor(database, storage, viewer).examine(trial)
    submission.require_plan(examined)
    await queries.lock_owner(db, user_id)
    if await queries.num_open(db, user_id) >= MAX_OPEN:
        raise RateLimitedError(
            _("You already have %(n)d sweeps that have not ended.") % {"n": MAX_OPEN},
            fix=_("Wait until one ends, or cancel one."),
            code="too_many_sweeps",
            headers={"Retry-After": "300"},
        )
    sweep = Sweep(
        owner_id=user_id,
        title=wanted.recipe.name,
        recipe=_pinned(wanted.recipe, examined).model_dump(mode="json"),
        blocks=wanted.blocks.model_dump(mode="json", by_alias=True),
        metric=metric,
        maximize=maximize,
    )
    db.add(sweep)
    await db.flush()
    emit(db, SweepChanged(sweep.id))
    log.info("sweep_begun", sweep_id=sweep.id, num_jobs=wanted.blocks.num_jobs)
    return sweep


def _pinned(recipe: Recipe, examined: Examined) -> Recipe:
    """Return the recipe with the commits that were examined: every trial sees the same."""
    values = recipe.model_dump(mode="json")
    places = {
        "base": values["model"]["base"],
        "data": values["data"]["train"],
        "test": values["data"]["test"],
    }
    for item in examined.inputs:
        place = places[item.role]
        if place is not None:
            place["repo"], place["revision"] = item.name, item.commit
    if places["test"] is not None and places["test"]["repo"] == places["data"]["repo"]:
        places["test"]["revision"] = places["test"]["revision"] or places["data"]["revision"]
    return Recipe.model_validate(values)


async def list_sweeps(
    db: AsyncSession, owner_id: int, cursor: str | None, limit: int
) -> Page[Board]:
    """Return one page of an owner's sweeps with their trials, newest first.

    Raises:
        BadRequestError: the cursor is not one of ours.
    """
    before = None
    if cursor:
        (last,) = decode_cursor(cursor, 1)
        before = last if isinstance(last, int) and abs(last) < 2**63 else 0
    found = await queries.sweeps_of(db, owner_id, before, limit + 1)
    sweeps = found[:limit]
    rows = await queries.trials_of(db, [sweep.id for sweep in sweeps])
    boards = [Board(s, [row for row in rows if row.trial.sweep_id == s.id]) for s in sweeps]
    more = len(found) > limit
    return Page(boards, encode_cursor([sweeps[-1].id]) if more else None)


async def board_of(db: AsyncSession, sweep: Sweep) -> Board:
    """Return a sweep with its trials."""
    return Board(sweep, await queries.trials_of(db, [sweep.id]))


async def pause(db: AsyncSession, sweep: Sweep) -> Sweep:
    """Begin no more trials; those that run go on. Twice is once.

    Raises:
        ConflictError: the sweep has ended.
    """
    return await _steer(db, sweep, SweepState.PAUSED)


async def resume(db: AsyncSession, sweep: Sweep) -> Sweep:
    """Go on with a paused sweep. Twice is once.

    Raises:
        ConflictError: the sweep has ended.
    """
    return await _steer(db, sweep, SweepState.RUNNING)


async def cancel(db: AsyncSession, sweep: Sweep) -> Sweep:
    """End a sweep and its live trials; what was measured stays. Twice is once.

    Raises:
        ConflictError: the sweep has ended otherwise.
    """
    return await _steer(db, sweep, SweepState.CANCELLED)


async def _steer(db: AsyncSession, sweep: Sweep, state: SweepState) -> Sweep:
    await queries.lock_sweep(db, sweep.id)
    sweep = await queries.sweep_by_id(db, sweep.id) or sweep
    if sweep.state is state:
        return sweep
    if sweep.state.is_final:
        raise ConflictError(_("This sweep has already ended."))
    if state is SweepState.CANCELLED:
        board = await board_of(db, sweep)
        await end(db, sweep, board.live, state)
    else:
        sweep.state = state
        await db.flush()
    emit(db, SweepChanged(sweep.id))
    return sweep
