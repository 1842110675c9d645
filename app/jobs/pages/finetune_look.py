"""Looking at a chosen data set, base and recipe; trouble is told, not raised."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from fastapi import Request

from app.core.errors import AppError, Detail
from app.core.http import database, storage_of
from app.core.i18n import _
from app.core.security import Viewer
from app.datasets.service import InventoryTaker
from app.hub import policy as hub_policy
from app.hub import service as hub
from app.jobs.pages.finetune_view import (
    BaseFacts,
    CheckView,
    DataFacts,
    base_facts,
    check_view,
    data_facts,
)
from app.jobs.pages.suggestions import NOTHING_CHOSEN, PLAYGROUNDS, draft_recipe, is_repo
from app.jobs.service.estimates import where_it_runs
from app.jobs.service.examination import WEIGHTS, Doctor, Input, read_recipe
from app.jobs.service.queueing import choose_queue
from worker.contract.bases import PinnedBase
from worker.contract.environment import ENVIRONMENTS, is_environment
from worker.contract.recipe import Columns

Facts = TypeVar("Facts")


@dataclass(frozen=True)
class Picked(Generic[Facts]):
    """A choice: what is known of it, or why it cannot be used; neither while nothing is chosen."""

    facts: Facts | None = None
    problem: str = ""


class Look:
    """One viewer's look at data, base and recipe."""

    def __init__(self, request: Request, viewer: Viewer) -> None:
        self.database = database(request)
        self.viewer = viewer
        self._storage = storage_of(request)
        self.doctor = Doctor(self.database, self._storage, viewer)

    async def data(self, name: str) -> Picked[DataFacts]:
        """Return the data set at a glance."""
        if not name:
            return Picked()
        if is_environment(name):
            return _environment(name.partition("/")[2])
        taker = InventoryTaker(self.database, self._storage, self.viewer)
        try:
            try:
                seen = await taker.look(name, None, Columns())
            except hub.MovedError as moved:
                seen = await taker.look(f"{moved.owner}/{moved.name}", None, Columns())
        except AppError as error:
            return Picked(problem=_in_words(error))
        return Picked(data_facts(seen))

    async def base(self, name: str) -> Picked[BaseFacts]:
        """Return the base model at a glance."""
        if not name:
            return Picked()
        if not is_repo(name):
            return Picked(problem=_("Write it as owner/name."))
        try:
            pinned, source = await self.doctor.base(draft_recipe("quick-head", name, ""))
            return Picked(await self._base_facts(pinned, source))
        except AppError as error:
            return Picked(problem=_in_words(error))

    async def _base_facts(self, pinned: PinnedBase, source: Input | None) -> BaseFacts:
        if source is None:
            # An architecture without a repository has no weights.
            return base_facts(pinned.model_copy(update={"weights": "random"}), 0, "")
        async with self.database.transaction() as db:
            repository = await hub_policy.access_by_id(db, self.viewer, source.repository_id)
            files = await hub.list_files(db, repository, source.commit)
        size = next((file.size for file in files if file.path == WEIGHTS), 0)
        return base_facts(pinned, size, repository.license)

    async def check(self, text: str) -> CheckView:
        """Return what the doctor says of a recipe's text."""
        try:
            recipe = read_recipe(text)
        except AppError as error:
            return check_view(problems=error.details)
        if NOTHING_CHOSEN in {recipe.data.train.repo, recipe.model.base.repo}:
            return check_view(recipe=recipe)
        try:
            examined = await self.doctor.examine(recipe)
        except AppError as error:
            details = error.details or (Detail("", error.message, error.fix),)
            return check_view(recipe=recipe, problems=details)
        async with self.database.transaction() as db:
            where = await where_it_runs(db, await choose_queue(db, recipe))
        return check_view(
            recipe=recipe,
            findings=examined.examination.findings,
            plan=examined.examination.plan,
            needed=examined.needed,
            where=where,
        )


def _environment(name: str) -> Picked[DataFacts]:
    if name in ENVIRONMENTS:
        return Picked(DataFacts(environment=name, attributes=ENVIRONMENTS[name]))
    known = ", ".join(PLAYGROUNDS)
    return Picked(
        problem=_("There is no such environment. Known are %(known)s.") % {"known": known}
    )


def _in_words(error: AppError) -> str:
    details = [detail.message for detail in error.details if detail.message != error.message]
    return " ".join([error.message, *details, error.fix]).strip()
