"""The gallery of recipes: every file can be run as the guide says, in both languages alike."""

import re
from pathlib import Path

import pytest

from worker.contract.environment import is_environment
from worker.contract.presets import ALL_PRESETS
from worker.contract.recipe_text import recipe_from_text
from worker.contract.tasks import TASKS

FOLDER = Path(__file__).parents[2] / "docs" / "guide" / "recipes"
RECIPES = sorted(FOLDER.glob("*.yaml"))
GUIDES = ("README.md", "README.zh-CN.md")
_ROW = re.compile(r"^\| \[([a-z0-9-]+)\]\(\1\.yaml\) \|(.*)\|$", re.MULTILINE)
# 1,234.5 and -0.5; a number that is part of a word such as mAP50 tells nothing.
_LINK = re.compile(r"\[([a-z0-9-]+)\]\(\1\.yaml\)")
_NUMBER = re.compile(r"(?<![\w.,-])\d+(?:,\d{3})*(?:\.\d+)?(?!\w)", re.ASCII)


def rows_of(guide: str) -> dict[str, str]:
    """Return the rest of each recipe's row in a guide, by the recipe's name."""
    return dict(_ROW.findall((FOLDER / guide).read_text(encoding="utf-8")))


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_every_recipe_parses_and_names_folders_only(file: Path) -> None:
    recipe = recipe_from_text(file.read_text(encoding="utf-8"))
    sources = [recipe.data.train, recipe.data.test, recipe.data.unlabeled]
    names = [source.repo for source in sources if source and not is_environment(source.repo)]
    assert all("/" not in name for name in names)
    library, slash, _name = recipe.model.base.repo.partition("/")
    assert not slash or library in {"torchvision", "timm", "tuningfork"}


@pytest.mark.parametrize("guide", GUIDES)
def test_every_recipe_is_told_in_each_language(guide: str) -> None:
    told = set(_LINK.findall((FOLDER / guide).read_text(encoding="utf-8")))
    assert told == {file.stem for file in RECIPES}


def test_both_languages_tell_the_same_figures() -> None:
    english, chinese = (rows_of(guide) for guide in GUIDES)
    assert set(english) == set(chinese)
    for name, row in english.items():
        told, retold = (sorted(_NUMBER.findall(text)) for text in (row, chinese[name]))
        assert told == retold, name


def test_every_task_of_the_form_has_a_recipe() -> None:
    shown = {recipe_from_text(file.read_text(encoding="utf-8")).task for file in RECIPES}
    assert shown == set(TASKS)
    assert {task for preset in ALL_PRESETS for task in preset.tasks} <= set(TASKS)
