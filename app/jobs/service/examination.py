"""The doctor on the site: a recipe, its base model and its data, pinned and checked."""

import json
from dataclasses import dataclass, replace
from typing import NoReturn

from pydantic import JsonValue

from app.core.db import Database
from app.core.errors import AppError, Detail, InvalidError, NotFoundError
from app.core.i18n import _
from app.core.security import Viewer
from app.core.storage import BlobStore
from app.datasets.schemas import DataRevision
from app.datasets.service import InventoryTaker, split_name
from app.hub import policy as hub_policy
from app.hub import service as hub
from app.hub.schemas import RepositoryKind
from app.jobs.service.estimates import outlook
from app.jobs.service.queueing import choose_queue
from worker.contract.bases import BaseUnreadableError, PinnedBase
from worker.contract.environment import ENVIRONMENT
from worker.contract.estimate import Amounts, Estimate
from worker.contract.inventory import DataInventory
from worker.contract.plan import Examination, PinnedInventory, examine
from worker.contract.recipe import DataSource, Recipe
from worker.contract.recipe_text import RecipeError, recipe_from_text, recipe_from_values

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
_MAX_CONFIG_BYTES = 1024 * 1024
_LIBRARIES = ("torchvision", "timm", "tuningfork")


@dataclass(frozen=True)
class Input:
    """A repository the job will read. `repository_id` is None for a base without one."""

    role: str
    kind: RepositoryKind
    name: str
    commit: str
    repository_id: int
    private: bool
    weights_bytes: int = 0


@dataclass(frozen=True)
class Examined:
    """A recipe with the doctor's answer, the repositories it reads, and what it will need."""

    recipe: Recipe
    examination: Examination
    inputs: tuple[Input, ...]
    needed: Estimate | None = None


def read_recipe(given: dict[str, JsonValue] | str) -> Recipe:
    """Return the recipe a text or plain values describe.

    Raises:
        InvalidError: with every problem, where it is and how to mend it.
    """
    try:
        if isinstance(given, str):
            return recipe_from_text(given)
        return recipe_from_values(given)
    except RecipeError as error:
        raise invalid(error, _("The recipe is not valid."), "recipe_invalid") from error


def invalid(error: RecipeError, message: str, code: str) -> InvalidError:
    """Return the site's error for a text that cannot be used, with every problem of it."""
    details = [Detail(p.path, p.message, p.fix) for p in error.problems]
    return InvalidError(message, details=details, code=code)


class _NoWeightsError(BaseUnreadableError):
    """A base model without weights of a kind that is loaded."""


class Doctor:
    """Examines recipes for one viewer, who must be allowed to read everything they name."""

    def __init__(self, database: Database, storage: BlobStore, viewer: Viewer) -> None:
        self._database = database
        self._storage = storage
        self._viewer = viewer
        self._taker = InventoryTaker(database, storage, viewer)

    async def examine(self, recipe: Recipe) -> Examined:
        """Pin what the recipe names and check it.

        Raises:
            NotFoundError: the base or a data set is missing, or the viewer may not see it.
            InvalidError: the base is not a model that can be trained.
        """
        base, base_input = await self.base(recipe)
        if recipe.env is not None:
            # An agent learns from what it does and reads no data set.
            place = PinnedInventory(repo=recipe.env.repo, inventory=DataInventory(kind=ENVIRONMENT))
            return Examined(
                recipe, examine(recipe, base, place), (base_input,) if base_input else ()
            )
        data = await self._data(recipe, recipe.data.train, "data.train.repo")
        inputs = [*([base_input] if base_input else []), _data_input("data", data)]
        test = await self._test(recipe, data)
        if test is not None:
            inputs.append(_data_input("test", test))
        teacher = await self._teacher(recipe)
        if teacher is not None:
            inputs.append(replace(teacher[1], role="teacher"))
        examination = examine(
            recipe,
            base,
            _pinned(data),
            _pinned(test) if test else None,
            teacher[0] if teacher else None,
        )
        amounts = Amounts.of(data.inventory.facts)
        return await self._with_outlook(
            Examined(recipe, examination, tuple(inputs)), amounts, base_input
        )

    async def _with_outlook(
        self, examined: Examined, amounts: Amounts, base: Input | None
    ) -> Examined:
        """Add what the plan will need, and what speaks against it on the workers there are."""
        plan = examined.examination.plan
        if plan is None:
            return examined
        size = base.weights_bytes if base else 0
        async with self._database.transaction() as db:
            queue = await choose_queue(db, examined.recipe)
            seen = await outlook(db, plan, amounts, size, queue)
        examination = examined.examination.with_findings(seen.findings)
        return replace(examined, examination=examination, needed=seen.needed)

    async def data(self, recipe: Recipe) -> tuple[PinnedInventory, Input]:
        """Pin the training data set alone.

        Raises:
            NotFoundError: it is missing, or the viewer may not see it.
        """
        data = await self._data(recipe, recipe.data.train, "data.train.repo")
        return _pinned(data), _data_input("data", data)

    async def _data(self, recipe: Recipe, source: DataSource, path: str) -> DataRevision:
        try:
            return await self._taker.take(source.repo, source.revision, recipe.read_columns)
        except hub.MovedError as moved:
            name = f"{moved.owner}/{moved.name}"
            return await self._taker.take(name, source.revision, recipe.read_columns)
        except AppError as error:
            _retell(error, path)

    async def _test(self, recipe: Recipe, data: DataRevision) -> DataRevision | None:
        if recipe.data.test is None:
            return None
        test = await self._data(recipe, recipe.data.test, "data.test.repo")
        same = (test.repository_id, test.commit) == (data.repository_id, data.commit)
        return None if same else test

    async def _teacher(self, recipe: Recipe) -> tuple[PinnedBase, Input] | None:
        if recipe.distill is None:
            return None
        try:
            return await self._moved_base(
                recipe.distill.teacher, recipe.distill.revision, "pretrained"
            )
        except BaseUnreadableError as error:
            raise InvalidError(
                _("This model cannot teach."),
                details=[Detail("distill.teacher", str(error), _("Choose another teacher."))],
                code="base_invalid",
            ) from error
        except AppError as error:
            _retell(error, "distill.teacher")

    async def base(self, recipe: Recipe) -> tuple[PinnedBase, Input | None]:
        """Pin the base model alone; a bare architecture comes without an input.

        Raises:
            NotFoundError: the base is missing, or the viewer may not see it.
            InvalidError: it is not a model that can be trained.
        """
        wanted = recipe.model.base
        try:
            return await self._moved_base(wanted.repo, wanted.revision, wanted.weights)
        except BaseUnreadableError as error:
            fix = _("Choose another base model.")
            if isinstance(error, _NoWeightsError):
                fix = _(
                    "Save its weights as model.safetensors on a machine of yours and upload that "
                    "file, or choose another base model."
                )
            raise InvalidError(
                _("This base model cannot be trained."),
                details=[Detail("model.base.repo", str(error), fix)],
                code="base_invalid",
            ) from error
        except NotFoundError as error:
            bare = _bare_architecture(recipe)
            if bare is not None:
                return bare, None
            _retell(error, "model.base.repo")
        except AppError as error:
            _retell(error, "model.base.repo")

    async def _moved_base(
        self, repo: str, revision: str | None, weights: str
    ) -> tuple[PinnedBase, Input]:
        try:
            return await self._hub_base(repo, revision, weights)
        except hub.MovedError as moved:
            return await self._hub_base(f"{moved.owner}/{moved.name}", revision, weights)

    async def _hub_base(
        self, repo: str, revision: str | None, weights: str
    ) -> tuple[PinnedBase, Input]:
        async with self._database.transaction() as db:
            repository = await hub_policy.access_repository(
                db, self._viewer, RepositoryKind.MODEL, *split_name(repo)
            )
            await hub_policy.require_files(db, self._viewer, repository)
            commit = await hub.resolve_revision(db, repository, revision or "main")
            files = {file.path: file for file in await hub.list_files(db, repository, commit)}
            if CONFIG not in files or files[CONFIG].size > _MAX_CONFIG_BYTES:
                raise BaseUnreadableError(_("%(repo)s has no config.json.") % {"repo": repo})
            if weights == "pretrained" and WEIGHTS not in files:
                raise _NoWeightsError(
                    _("%(repo)s has no model.safetensors; other formats are never loaded.")
                    % {"repo": repo}
                )
            handle = await hub.open_file(db, self._storage, repository, commit, CONFIG)
        config = _json_object(await handle.read_all(), repo)
        name = f"{repository.owner_name}/{repository.name}"
        sha256 = files[WEIGHTS].lfs_sha256 if WEIGHTS in files else None
        pinned = PinnedBase.from_config(name, commit, config, sha256)
        kind, private = RepositoryKind.MODEL, repository.private
        size = files[WEIGHTS].size if WEIGHTS in files else 0
        return pinned, Input("base", kind, name, commit, repository.id, private, size)


def _retell(error: AppError, path: str) -> NoReturn:
    """Raise the same error again, saying which key of the recipe it is about."""
    raise type(error)(
        error.message,
        fix=error.fix,
        code=error.code,
        details=[Detail(path, error.message, error.fix), *error.details],
    ) from error


def _json_object(content: bytes, repo: str) -> dict[str, JsonValue]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        message = _("The config.json of %(repo)s is not valid JSON.") % {"repo": repo}
        raise BaseUnreadableError(message) from error
    if not isinstance(value, dict):
        raise BaseUnreadableError(
            _("The config.json of %(repo)s is not valid JSON.") % {"repo": repo}
        )
    return value


def _bare_architecture(recipe: Recipe) -> PinnedBase | None:
    """Return a base that is only an architecture: its weights are random, nothing is fetched."""
    wanted = recipe.model.base
    library, _slash, architecture = wanted.repo.partition("/")
    if wanted.weights != "random" or library not in _LIBRARIES:
        return None
    return PinnedBase.from_config(wanted.repo, None, {"architecture": f"{library}/{architecture}"})


def _data_input(role: str, data: DataRevision) -> Input:
    kind = RepositoryKind.DATASET
    return Input(role, kind, data.name, data.commit, data.repository_id, data.private)


def _pinned(data: DataRevision) -> PinnedInventory:
    return PinnedInventory(repo=data.name, commit=data.commit, inventory=data.inventory)
