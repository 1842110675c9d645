"""What frozen layers make of each sample is computed once: in a stage, in a sweep, between runs."""

import os
from pathlib import Path

import pytest
import torch

from tests.worker.builders import Run, Values, recipe_values, run, stage
from worker.contract.attempt import CACHE_FOLDER
from worker.contract.feature_shelf import FEATURES_FOLDER, FeatureShelf
from worker.data.feature_files import FeatureFiles
from worker.modeling.architectures import build_architecture
from worker.modeling.cutting import cut_network
from worker.modeling.folding import folded
from worker.modeling.weights import read_weights

FLIPS = {"ops": ["RandomHorizontalFlip", {"RandomRotation": 20}]}


def made(done: Run) -> Path:
    return done.out / CACHE_FOLDER / FEATURES_FOLDER


def said(done: Run) -> str:
    return "\n".join(line for event in done.of_kind("LogWritten") for line in event.lines)


def is_cached(done: Run) -> list[bool]:
    return [event.cached for event in done.of_kind("StageStarted")]


def head_of(done: Run) -> torch.Tensor:
    weights = read_weights(done.out / "out/result/model.safetensors")
    return weights["fc.weight"]


def test_changed_pictures_are_run_through_frozen_layers_in_two_forms(folder: Path) -> None:
    done = run(folder, recipe_values(stage(["head"], epochs=4), augment=FLIPS))
    assert is_cached(done) == [True]
    assert "2 views of each sample, one of them unchanged" in said(done)


def test_without_views_every_pass_changes_pictures_anew(folder: Path) -> None:
    values = recipe_values(stage(["head"], epochs=4), augment={**FLIPS, "cached_views": 0})
    assert is_cached(run(folder, values)) == [False]


def test_as_many_views_as_passes_are_not_kept(folder: Path) -> None:
    values = recipe_values(stage(["head"], epochs=2), augment=FLIPS)
    assert is_cached(run(folder, values)) == [False]


def test_blended_pictures_are_not_kept(folder: Path) -> None:
    values = recipe_values(stage(["head"], epochs=4), augment={"mixup_alpha": 0.2})
    assert is_cached(run(folder, values)) == [False]


def test_views_give_the_same_weights_twice(folder: Path) -> None:
    values = recipe_values(stage(["head"], epochs=4), augment=FLIPS)
    one, two = run(folder, values, out="one"), run(folder, values, out="two")
    assert torch.equal(head_of(one), head_of(two))


def test_a_frozen_layer_that_moves_is_named(folder: Path) -> None:
    done = run(folder, recipe_values(stage(["head"], epochs=2, batch_norm="train")))
    assert "from the frozen layer conv1.1 on, every pass runs all layers:" in said(done)


def test_a_second_run_on_the_same_data_finds_what_the_first_computed(folder: Path) -> None:
    values = recipe_values(stage(["head"], epochs=2))
    first = run(folder, values, out="one")
    shelf = FeatureShelf(folder / "shelf", 1 << 30)
    shelf.put(made(first))
    second = run(folder, values, out="two", shelf=shelf.folder)
    assert "run through the frozen layers before" in said(second)
    assert list(made(second).glob("*.features")) == []
    assert torch.equal(head_of(first), head_of(second))


def test_another_rate_and_another_fold_share_what_was_computed(folder: Path) -> None:
    def values(fold: int, rate: float) -> Values:
        optimizer = {"name": "sgd", "lr": rate}
        return recipe_values(
            stage(["head"], epochs=1, optimizer=optimizer),
            data={"validation": {"folds": 3, "fold": fold}},
        )

    first = run(folder, values(1, 0.1), out="one")
    shelf = FeatureShelf(folder / "shelf", 1 << 30)
    shelf.put(made(first))
    second = run(folder, values(2, 0.01), out="two", shelf=shelf.folder)
    assert "run through the frozen layers before" in said(second)


def test_other_pictures_are_not_taken_for_these(folder: Path) -> None:
    first = run(folder, recipe_values(stage(["head"], epochs=2)), out="one")
    shelf = FeatureShelf(folder / "shelf", 1 << 30)
    shelf.put(made(first))
    second = run(
        folder,
        recipe_values(stage(["head"], epochs=2), data={"image_size": 32}),
        out="two",
        shelf=shelf.folder,
    )
    assert "before" not in said(second)


def test_a_shelf_drops_what_was_not_used_for_longest(tmp_path: Path) -> None:
    shelf = FeatureShelf(tmp_path / "shelf", 2500)
    for number, key in enumerate(("old", "new", "newest")):
        FeatureFiles(tmp_path / key).keep(key, torch.zeros(250))
        shelf.put(tmp_path / key)
        os.utime(shelf.folder / f"{key}.json", (number, number))
    shelf.trim()
    assert FeatureFiles(tmp_path / "none", shelf.folder).load("old") is None
    assert FeatureFiles(tmp_path / "none", shelf.folder).load("newest") is not None


def test_half_a_file_of_features_is_not_read(tmp_path: Path) -> None:
    files = FeatureFiles(tmp_path)
    files.keep("key", torch.ones(100))
    (tmp_path / "key.features").write_bytes(b"\0" * 40)
    assert files.load("key") is None


def test_a_run_is_judged_on_features_as_on_the_whole_network(folder: Path) -> None:
    cached = run(folder, recipe_values(stage(["head"], epochs=2)), out="one")
    values = recipe_values(stage(["head"], epochs=2, cache_features="off"))
    whole = run(folder, values, out="two")
    assert len(list(made(cached).glob("*.features"))) == 2
    one, two = cached.result.headline, whole.result.headline
    assert one.confusion == two.confusion
    assert one.loss == pytest.approx(two.loss, rel=1e-5)


@pytest.mark.parametrize(
    "name", ["torchvision/mobilenet_v2", "timm/tf_efficientnet_lite0", "torchvision/densenet121"]
)
def test_a_front_with_folded_norms_gives_the_same_up_to_rounding(name: str) -> None:
    library, _, architecture = name.partition("/")
    torch.manual_seed(0)
    network = build_architecture(library, architecture).requires_grad_(requires_grad=False).eval()
    network.get_submodule("classifier").requires_grad_(requires_grad=True)
    pictures = torch.randn(2, 3, 64, 64)
    cut = cut_network(network)
    assert cut is not None
    fast = folded(cut.prefix)
    assert fast is not None
    with torch.no_grad():
        torch.testing.assert_close(fast(pictures), cut.prefix(pictures), rtol=1e-3, atol=1e-4)
