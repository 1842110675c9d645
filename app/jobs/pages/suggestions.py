"""What the form begins with: names near at hand, and a recipe to start from."""

import re

from app.core.db import Database
from app.core.security import Viewer
from app.hub.schemas import RepositoryKind
from app.jobs.service.nearby import near_names
from worker.contract.presets import preset_recipe, presets_for
from worker.contract.recipe import Recipe
from worker.contract.tasks import TASKS, TaskName

# Stands in a recipe where nothing was chosen yet, so that the text is whole and can be edited.
NOTHING_CHOSEN = "owner/name"
DEFAULT_PRESET = "head-then-all"
_REPO = re.compile(r"[^\s/\x00-\x1f]+/[^\s/\x00-\x1f]+")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
USUAL_TASK: TaskName = "image-classification"


def fitting_preset(wanted: str, task: TaskName) -> str:
    """Return the preset that was chosen where it fits a task, else the first that does."""
    keys = [preset.key for preset in presets_for(task)]
    usual = DEFAULT_PRESET if DEFAULT_PRESET in keys else keys[0]
    return wanted if wanted in keys else usual


def draft_recipe(preset: str, base: str, data: str, task: TaskName = USUAL_TASK) -> Recipe:
    """Return the recipe of a preset for what was chosen so far."""
    return preset_recipe(
        preset,
        task=task,
        name=suggested_name(base, data),
        base_repo=base if is_repo(base) else NOTHING_CHOSEN,
        data_repo=data if is_repo(data) else NOTHING_CHOSEN,
    )


def is_repo(name: str) -> bool:
    """Whether this can be the name of a repository at all."""
    return _REPO.fullmatch(name) is not None


def suggested_name(base: str, data: str) -> str:
    """Return a name for the job, made of what it works on."""
    parts = [name.rpartition("/")[2] for name in (base, data) if name not in {"", NOTHING_CHOSEN}]
    name = _NOT_IN_NAMES.sub("-", "-".join(parts)).strip("-._")[:96]
    return name or "my-first-model"


async def suggestions(
    database: Database, viewer: Viewer, task: TaskName = USUAL_TASK
) -> dict[str, list[str]]:
    """Return names of data sets and models the viewer may use: their own first, then known ones."""
    # A network on texts is a base for every task on texts; one on images for those alike.
    on_texts = TASKS[task].modality == "text"
    seen = USUAL_TASK if TASKS[task].modality == "image" else task
    like = {"library": "transformers"} if on_texts else {"task": seen}
    return {
        "data_names": await near_names(database, viewer, RepositoryKind.DATASET),
        "base_names": await near_names(database, viewer, RepositoryKind.MODEL, **like),
    }
