import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.contract.presets import PRESETS, Preset, preset_recipe
from worker.contract.recipe import recipe_json_schema
from worker.contract.recipe_text import (
    MAX_RECIPE_BYTES,
    RecipeError,
    recipe_from_text,
    recipe_to_yaml,
)

SMALL = """
name: small
model: {base: {repo: owner/base}}
data: {train: {repo: owner/data}}
train: {stages: [{name: head, train: [head], epochs: 1, optimizer: {lr: 1e-3}}]}
"""


def problems(text: str) -> list[tuple[str, str, str]]:
    with pytest.raises(RecipeError) as caught:
        recipe_from_text(text)
    return [(p.path, p.message, p.fix) for p in caught.value.problems]


def test_a_small_recipe_is_complete() -> None:
    recipe = recipe_from_text(SMALL)
    assert recipe.train.stages[0].optimizer.lr == 0.001
    assert recipe.reproducibility.seed == 42
    assert recipe_from_text(recipe_to_yaml(recipe)) == recipe
    assert recipe_from_text(json.dumps(recipe.to_json())) == recipe


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.key)
def test_every_preset_survives_being_written_and_read(preset: Preset) -> None:
    recipe = preset_recipe(preset.key, name="x", base_repo="a/b", data_repo="a/d")
    assert recipe_from_text(recipe_to_yaml(recipe)) == recipe


@pytest.mark.parametrize(
    ("change", "path", "message", "fix"),
    [
        (("epochs: 1", "epochs: 1, lr: 3"), "train.stages.0.lr", "'lr' is not a key here.", ""),
        (("epochs: 1, ", ""), "train.stages.0", "either epochs or max_steps", ""),
        (("[head]", "[]"), "train.stages.0", "must train something", ""),
        (("name: small", "nam: small"), "nam", "'nam' is not a key here.", "Did you mean `name`?"),
        (("1e-3", "-1"), "train.stages.0.optimizer.lr", "greater than 0", "You wrote -1."),
        (("lr: 1e-3", "lr: 1, momentum: .5"), "train.stages.0.optimizer", "no effect", ""),
        (("{repo: owner/base}", "{}"), "model.base.repo", "'repo' is missing.", "Add `repo:`."),
        (("name: small", "name: small\ntask: tea"), "task", "'tea' is not supported", ""),
    ],
)
def test_a_mistake_is_told_with_its_place(
    change: tuple[str, str], path: str, message: str, fix: str
) -> None:
    found = problems(SMALL.replace(*change))
    assert any(p == path and message in m and fix in f for p, m, f in found), found


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: *x",
        "name: a\nname: b",
        "[" * 200,
        "- 1",
        "{",
        "!!python/object/apply:os.system [ls]",
        "1: 2",
        "name: '" + "x" * MAX_RECIPE_BYTES + "'",
    ],
)
def test_hostile_text_is_refused_with_a_sentence(text: str) -> None:
    assert all(message for _, message, _ in problems(text))


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(RecipeError):
        recipe_from_text(text)


@pytest.mark.parametrize(
    "op",
    ["RandomHorizontalFlip", "{RandomRotation: 20}", "{RandomAffine: {translate: [0.2, 0.2]}}"],
)
def test_augmentations_are_named_from_the_list(op: str) -> None:
    recipe = recipe_from_text(SMALL + f"augment: {{ops: [{op}]}}\n")
    assert recipe.augment.is_random


@pytest.mark.parametrize("op", ["Lambda", "{RandomRotation: 2000}", "{RandomErasing: {q: 1}}"])
def test_other_augmentations_are_refused(op: str) -> None:
    assert problems(SMALL + f"augment: {{ops: [{op}]}}\n")[0][0].startswith("augment.ops.0")


def test_every_field_of_the_schema_is_described() -> None:
    def undescribed(node: object, path: str) -> list[str]:
        if not isinstance(node, dict):
            return []
        found = []
        for name, field in node.get("properties", {}).items():
            if (
                isinstance(field, dict)
                and not field.get("description")
                and "$ref" not in str(field)
            ):
                found.append(f"{path}.{name}")
        return found

    schema = recipe_json_schema()
    assert schema["additionalProperties"] is False
    for name, part in {"Recipe": schema, **schema["$defs"]}.items():
        assert undescribed(part, name) == []


def test_the_contract_loads_without_torch_and_numpy() -> None:
    code = (
        "import pkgutil, importlib, sys, worker.contract as c\n"
        "for m in pkgutil.iter_modules(c.__path__):\n"
        "    importlib.import_module(f'worker.contract.{m.name}')\n"
        "print({'torch', 'numpy', 'celery', 'httpx'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
