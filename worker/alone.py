"""Running a recipe without a site: names of local folders and libraries become a plan."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue, ValidationError, validate_call

from worker.contract.attempt import CACHE_FOLDER
from worker.contract.bases import BaseUnreadableError, PinnedBase
from worker.contract.environment import ENVIRONMENT, is_environment
from worker.contract.failures import FailureCode, RunError
from worker.contract.feature_shelf import FEATURES_FOLDER, FeatureShelf
from worker.contract.inventory import DataInventory, take_inventory
from worker.contract.plan import Examination, PinnedInventory, Plan, examine
from worker.contract.recipe import Base, Columns, DataSource, Recipe
from worker.contract.sources import FolderSource
from worker.engine import Places
from worker.modeling.architectures import named_base
from worker.modeling.weights import WEIGHTS_FILE, file_sha256, wheel_weights

_SHELF_BYTES = 10 * 1024**3


@dataclass(frozen=True)
class Search:
    """Where names of folders are looked for, in this order."""

    folders: tuple[Path, ...]

    def folder(self, repo: str) -> Path | None:
        """Return the folder a name stands for, or None."""
        for base in self.folders:
            for name in (repo, repo.rpartition("/")[2]):
                if (base / name).is_dir():
                    return (base / name).resolve()
        return None


def prepare(
    recipe: Recipe, search: Search, weights: Path | None, out: Path
) -> tuple[Examination, Places]:
    """Return the doctor's answer for a recipe, and where everything lies.

    Args:
        recipe: the recipe.
        search: where folders are looked for.
        weights: a file with the base's weights, when the base holds none.
        out: where results go.

    Raises:
        RunError: base or data were not found.
    """
    base, file = find_base(recipe.model.base, search, weights)
    data, data_folder = find_data(recipe.data.train, recipe.read_columns, search)
    test, test_folder = None, None
    source = recipe.data.test
    if source is not None and source.repo != recipe.data.train.repo:
        test, test_folder = find_data(source, recipe.read_columns, search)
    teacher, teacher_file = None, None
    if recipe.distill is not None:
        teacher, teacher_file = find_base(Base(repo=recipe.distill.teacher), search)
    folder = search.folder(recipe.model.base.repo)
    places = Places(data_folder, out, file, test_folder, folder, teacher_file, _shelf().folder)
    return examine(recipe, base, data, test, teacher), places


def planned(recipe: Recipe, search: Search, weights: Path | None, out: Path) -> tuple[Plan, Places]:
    """Return the plan of a recipe, and where everything lies; the arguments are those of `prepare`.

    Raises:
        RunError: base or data were not found, or the doctor found errors.
    """
    examination, places = prepare(recipe, search, weights, out)
    if examination.plan is None:
        errors = "; ".join(finding.sentence for finding in examination.errors)
        raise RunError(FailureCode.DATA_INVALID, errors)
    return examination.plan, places


def keep_features(out: Path) -> None:
    """Keep what the frozen layers of a run made of its data, for the next run of this person."""
    _shelf().put(out / CACHE_FOLDER / FEATURES_FOLDER)
    shutil.rmtree(out / CACHE_FOLDER, ignore_errors=True)


def _shelf() -> FeatureShelf:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return FeatureShelf(Path(home) / "tuningfork" / FEATURES_FOLDER, _SHELF_BYTES)


def find_base(
    wanted: Base, search: Search, weights: Path | None = None
) -> tuple[PinnedBase, Path | None]:
    """Return a base model, pinned, and the file of its weights; None for random ones.

    Raises:
        RunError: it or its weights were not found, or cannot be read.
    """
    folder = search.folder(wanted.repo)
    if folder is not None and (folder / "config.json").is_file():
        file: Path | None = weights or folder / WEIGHTS_FILE
        base = _from_folder(wanted.repo, folder)
    else:
        named = named_base(wanted.repo)
        if named is None:
            raise RunError(FailureCode.BASE_NOT_FOUND, f"There is no folder {wanted.repo}.")
        base, file = named, weights or wheel_weights(wanted.repo)
    if wanted.weights == "random":
        return base, None
    if file is None:
        raise RunError(
            FailureCode.BASE_NOT_FOUND,
            f"{wanted.repo} needs weights: give --weights FILE, or model.base.weights: random.",
        )
    if not file.is_file():
        raise RunError(FailureCode.BASE_NOT_FOUND, f"There is no file {file}.")
    return base.model_copy(update={"weights_sha256": file_sha256(file)}), file


@validate_call
def _values(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return value


def _from_folder(repo: str, folder: Path) -> PinnedBase:
    try:
        text = (folder / "config.json").read_text(encoding="utf-8")
        return PinnedBase.from_config(repo, None, _values(json.loads(text)))
    except (BaseUnreadableError, ValidationError, ValueError) as error:
        raise RunError(FailureCode.BASE_INVALID, str(error).splitlines()[0]) from error


def find_data(source: DataSource, columns: Columns, search: Search) -> tuple[PinnedInventory, Path]:
    """Return a data set with its inventory, and its folder.

    Raises:
        RunError: there is no such folder.
    """
    if is_environment(source.repo):
        # Nothing is read from it, so any folder will do.
        return PinnedInventory(repo=source.repo, inventory=DataInventory(kind=ENVIRONMENT)), Path()
    folder = search.folder(source.repo)
    if folder is None:
        raise RunError(FailureCode.DATA_NOT_FOUND, f"There is no folder {source.repo}.")
    inventory = take_inventory(FolderSource(folder), columns)
    return PinnedInventory(repo=source.repo, inventory=inventory), folder
