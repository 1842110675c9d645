"""What the form begins with: names near at hand, and a recipe to start from."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from app.core.db import Database
from app.core.security import Viewer
from app.hub.schemas import RepositoryKind
from app.jobs.service.nearby import near_bases, near_names
from worker.contract.environment import ENVIRONMENTS, Environment
from worker.contract.presets import Values, preset_recipe, presets_for
from worker.contract.recipe import Recipe
from worker.contract.tasks import TaskName

# Stands in a recipe where nothing was chosen yet, so that the text is whole and can be edited.
NOTHING_CHOSEN = "owner/name"
DEFAULT_PRESET = "head-then-all"
_REPO = re.compile(r"[^\s/\x00-\x1f]+/[^\s/\x00-\x1f]+")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
USUAL_TASK: TaskName = "image-classification"
# Networks of our own for tasks that few pretrained ones exist for: they begin with random weights.
BLANK_BASES: Mapping[TaskName, str] = MappingProxyType(
    {
        "audio-classification": "tuningfork/audio-cnn",
        "automatic-speech-recognition": "tuningfork/speech-ctc",
        "recommendation": "tuningfork/two-tower",
        "reinforcement-learning": "tuningfork/mlp-policy",
    }
)
PLAYGROUNDS = tuple(f"env/{name}" for name in ENVIRONMENTS)


def is_blank(base: str) -> bool:
    """Whether this is a network of our own that has learned nothing yet."""
    return base in BLANK_BASES.values()


def fitting_preset(wanted: str, task: TaskName, base: str = "") -> str:
    """Return the preset that was chosen where it fits a task, else the first that does.

    A network that has learned nothing is worth little frozen: for it one that trains everything.
    """
    keys = [preset.key for preset in presets_for(task)]
    if wanted in keys:
        return wanted
    if is_blank(base):
        return next((key for key in keys if _trains_all(key, task)), keys[0])
    return DEFAULT_PRESET if DEFAULT_PRESET in keys else keys[0]


def _trains_all(preset: str, task: TaskName) -> bool:
    return draft_recipe(preset, "", "", task).stages[0].train == "all"


def draft_recipe(preset: str, base: str, data: str, task: TaskName = USUAL_TASK) -> Recipe:
    """Return the recipe of a preset for what was chosen so far."""
    blank: Values = {"model": {"base": {"weights": "random"}}}
    recipe = preset_recipe(
        preset,
        task=task,
        name=suggested_name(base, data),
        base_repo=base if is_repo(base) else NOTHING_CHOSEN,
        data_repo=data if is_repo(data) else NOTHING_CHOSEN,
        overrides=blank if is_blank(base) else None,
    )
    return _moved(recipe, data) if data in PLAYGROUNDS else recipe


def _moved(recipe: Recipe, playground: str) -> Recipe:
    """Return the recipe of an agent for another environment, where nothing is shifted yet."""
    if recipe.env is None or recipe.env.repo == playground:
        return recipe
    env = Environment.model_validate({"id": playground.partition("/")[2]})
    train = recipe.data.train.model_copy(update={"repo": playground})
    data = recipe.data.model_copy(update={"train": train})
    return recipe.model_copy(update={"env": env, "data": data})


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
    names = await near_bases(database, viewer, task)
    blank = [BLANK_BASES[task]] if task in BLANK_BASES else []
    return {
        "data_names": await near_names(database, viewer, RepositoryKind.DATASET),
        "base_names": [*names[:3], *blank, *names[3:]],
        "playgrounds": list(PLAYGROUNDS),
    }
