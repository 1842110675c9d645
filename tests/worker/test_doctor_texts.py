from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.worker.builders import Values, stage
from tests.worker.language import text_recipe, write_reviews
from worker.alone import Search, prepare
from worker.contract.recipe_text import recipe_from_values

HIGH: Values = {"name": "adam", "lr": 1e-3}


def _codes(folder: Path, values: Values) -> set[str]:
    (folder / "base").mkdir()
    (folder / "base/config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    (folder / "base/model.safetensors").write_bytes(b"")
    answer, _ = prepare(recipe_from_values(values), Search((folder,)), None, folder / "run")
    return {finding.code for finding in answer.findings}


@pytest.mark.parametrize(
    ("train", "expected"),
    [("all", True), (["layer.0", "head"], True), (["head"], False)],
)
def test_a_rate_that_pictures_bear_is_too_high_for_texts(
    tmp_path: Path,
    train: JsonValue,
    expected: bool,
) -> None:
    write_reviews(tmp_path / "data")
    values = text_recipe("text-classification", stage(train, optimizer=HIGH))
    assert ("RATE_TOO_HIGH" in _codes(tmp_path, values)) is expected


def test_an_adapter_may_move_quickly(tmp_path: Path) -> None:
    write_reviews(tmp_path / "data")
    quick = stage(["adapter", "head"], optimizer=HIGH)
    values = text_recipe("text-classification", quick, model={"adapter": {"type": "lora"}})
    assert not {"RATE_TOO_HIGH", "ONE_RATE_FOR_ALL"} & _codes(tmp_path, values)


def test_texts_that_are_cut_are_counted(tmp_path: Path) -> None:
    write_reviews(tmp_path / "data")
    assert "TEXTS_CUT" in _codes(
        tmp_path, text_recipe("text-classification", data={"max_length": 4})
    )


def _tagged(folder: Path, tags: Sequence[str]) -> Path:
    lines = (
        "\n".join(f"w{number}{place}\t{tag}" for place, tag in enumerate(tags))
        for number in range(12)
    )
    folder.mkdir()
    (folder / "train.conll").write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_sentences_without_a_tag_teach_nothing(tmp_path: Path) -> None:
    _tagged(tmp_path / "data", ["O", "O", "O"])
    assert "NO_TAGS" in _codes(tmp_path, text_recipe("token-classification"))


def test_tags_beyond_the_length_are_told(tmp_path: Path) -> None:
    _tagged(tmp_path / "data", ["B-A", "O", "B-B", "O"])
    values = text_recipe("token-classification", data={"max_length": 5})
    assert "SENTENCES_CUT" in _codes(tmp_path, values)


def test_texts_need_no_advice_on_batch_norm(tmp_path: Path) -> None:
    write_reviews(tmp_path / "data")
    codes = _codes(tmp_path, text_recipe("text-classification", train={"batch_size": 4}))
    assert "BATCH_TOO_SMALL_FOR_BATCH_NORM" not in codes


def test_a_language_model_has_no_head_to_train(tmp_path: Path) -> None:
    write_reviews(tmp_path / "data")
    values = text_recipe("fill-mask", stage(["layer.0"], optimizer={"name": "adamw", "lr": 5e-5}))
    assert not {"HEAD_NEVER_TRAINED", "IMBALANCED"} & _codes(tmp_path, values)
