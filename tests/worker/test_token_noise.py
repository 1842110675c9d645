from pathlib import Path

import pytest
import torch

from tests.worker.builders import Values, stage
from tests.worker.language import (
    BAD,
    GOOD,
    run_text,
    text_recipe,
    write_encoder,
    write_reviews,
)
from worker.contract.recipe_text import RecipeError, recipe_from_values
from worker.data.token_noise import with_noise

SPECIAL = torch.tensor([0, 1])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a tiny BERT and a few reviews."""
    folder = tmp_path_factory.mktemp("noise")
    write_encoder(folder / "base", [*GOOD, *BAD])
    write_reviews(folder / "data")
    return folder


def _recipe(noise: float) -> Values:
    return text_recipe(
        "text-classification",
        stage(epochs=2, optimizer={"name": "adam", "lr": 1e-3}),
        augment={"token_noise": noise},
    )


def test_some_tokens_go_and_some_move_but_special_ones_stay() -> None:
    torch.manual_seed(0)
    first, second = torch.arange(10, 110), torch.arange(200, 300)
    end = torch.tensor([1])
    tokens = torch.cat([torch.tensor([0]), first, end, second, end])
    lengths, moved = [], 0
    for _ in range(200):
        changed = tokens[with_noise(tokens, SPECIAL, 0.1)]
        assert changed[0] == 0
        assert (changed == 1).sum() == 2
        assert changed[-1] == 1
        parts = changed.tolist()
        left, right = parts[1 : parts.index(1)], parts[parts.index(1) + 1 : -1]
        assert set(left) <= set(first.tolist())
        assert set(right) <= set(second.tolist())
        assert len(set(parts)) == len(parts) - 1
        lengths.append(len(left) + len(right))
        moved += left != sorted(left)
    assert sum(lengths) / 200 == pytest.approx(180, abs=2)
    assert moved > 190


def test_a_text_never_becomes_empty() -> None:
    torch.manual_seed(0)
    for _ in range(200):
        assert 5 in torch.tensor([0, 5, 1])[with_noise(torch.tensor([0, 5, 1]), SPECIAL, 0.5)]


def test_noise_changes_training_and_not_what_is_measured(place: Path) -> None:
    plain = run_text(place, _recipe(0.0), out="plain")
    noisy = run_text(place, _recipe(0.3), out="noisy")
    assert plain.losses() != noisy.losses()
    measured = noisy.result.headline.value
    again = run_text(place, _recipe(0.3), out="again")
    assert again.losses() == noisy.losses()
    assert again.result.headline.value == measured


def test_only_texts_with_one_class_take_noise() -> None:
    values = text_recipe("token-classification", stage(), augment={"token_noise": 0.1})
    with pytest.raises(RecipeError, match=r"augment\.token_noise has no effect"):
        recipe_from_values(values)


def test_texts_know_no_mixing_of_pictures() -> None:
    values = text_recipe("text-classification", stage(), augment={"mixup_alpha": 0.2})
    with pytest.raises(RecipeError, match=r"augment\.mixup_alpha has no effect"):
        recipe_from_values(values)
