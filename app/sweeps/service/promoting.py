"""What becomes of the best trial: a model repository, or a recipe to go on with."""

from app.core.db import AsyncSession
from app.core.errors import ConflictError
from app.core.i18n import _
from app.core.security import Viewer
from app.core.storage import BlobStore
from app.jobs.policy import access_job
from app.jobs.schemas import PublishedOut, PublishIn
from app.jobs.service.publishing import Publisher
from app.sweeps.schemas import PromoteIn
from app.sweeps.service.board import Board
from app.sweeps.service.steering import board_of
from app.sweeps.tables import Sweep
from worker.contract.recipe import Recipe
from worker.contract.sweep_text import named, with_params


async def promote(
    db: AsyncSession, storage: BlobStore, viewer: Viewer, sweep: Sweep, wanted: PromoteIn
) -> PublishedOut:
    """Publish the result of the best trial, as its own page would.

    Raises:
        ConflictError: no trial has a result yet, or it was published, or the name is taken.
        ForbiddenError: the viewer may not create a repository there.
    """
    row = (await board_of(db, sweep)).best_row
    if row is None:
        raise ConflictError(
            _("No trial of this sweep has a result yet."), fix=_("Wait until the first one ends.")
        )
    job = await access_job(db, viewer, row.trial.job_id)
    answers = PublishIn(owner=wanted.owner, name=wanted.name, private=wanted.private)
    return await Publisher(db, storage, viewer).publish(job, answers)


def best_recipe(board: Board) -> Recipe | None:
    """Return the recipe with the best values, on all data: no fold and no search."""
    best = board.best
    if best is None:
        return None
    return named(with_params(board.recipe, best.params), "best")
