from pathlib import Path

import pytest

from tests.worker.builders import (
    Run,
    recipe_values,
    run,
    stage,
    write_images,
    write_weights_of,
)
from tests.worker.test_sample_weights import write_table
from worker.alone import Search, prepare
from worker.contract.manifest import Manifest
from worker.contract.recipe_text import RecipeError, recipe_from_values


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return one run that does everything after training."""
    folder = tmp_path_factory.mktemp("after")
    write_images(folder / "data", train=10, test=6)
    values = recipe_values(
        stage(epochs=6, optimizer={"name": "adam", "lr": 0.01}),
        export={
            "formats": ["safetensors", "onnx"],
            "quantize": "static-int8",
            "prune": {"amount": 0.3, "epochs": 1},
            "max_metric_drop": 1.0,
        },
        explain={"methods": ["grad-cam", "integrated-gradients"], "samples": 3},
    )
    return run(folder, values)


def test_the_headline_stands_beside_what_is_simpler(done: Run) -> None:
    report = done.result.evaluation
    assert report is not None
    assert [row.name for row in report.baselines] == ["majority", "random-features"]
    assert [row.num_rows for row in report.baselines] == [None, 27]
    assert report.baselines[0].value == pytest.approx(1 / 3)
    assert {item.name: item.value for item in report.intervals} == pytest.approx(
        done.result.headline.values
    )
    assert all(item.low <= item.value <= item.high for item in report.intervals)


def test_every_class_is_a_slice_and_equal_sizes_are_none(done: Run) -> None:
    report = done.result.evaluation
    assert report is not None
    recalls = {row.label: row.recall for row in done.result.headline.per_class}
    assert {row.value: row.metric for row in report.slices} == pytest.approx(recalls)
    assert {row.by for row in report.slices} == {"class"}


def test_the_temperature_is_fitted_on_validation(done: Run) -> None:
    report = done.result.evaluation
    assert report is not None
    assert report.calibration is not None
    assert report.calibration.fitted_on == "validation"
    assert sum(item.size for item in report.calibration.bins) == 18


def test_every_form_is_measured_and_what_is_kept_lies_in_the_result(done: Run) -> None:
    report, folder = done.result.exports, done.out / "out/result"
    assert report is not None
    forms = {form.format: form for form in report.forms}
    assert set(forms) == {"safetensors", "onnx", "onnx-int8", "onnx-pruned"}
    assert forms["onnx"].max_difference is not None
    assert forms["onnx"].max_difference < 1e-4
    assert forms["onnx"].agreement == 1.0
    assert forms["onnx"].value == pytest.approx(report.value)
    assert forms["onnx-pruned"].parameters < done.result.total_count
    for form in report.forms:
        assert form.verdict != "failed"
        assert (folder / form.path).is_file() == (form.verdict == "kept")


def test_the_manifest_lists_forms_and_pictures(done: Run) -> None:
    text = (done.out / "out/result/manifest.json").read_text(encoding="utf-8")
    kinds = {entry.path: entry.kind for entry in Manifest.model_validate_json(text).files}
    assert kinds["model.onnx"] == "onnx"
    pictures = [path for path, kind in kinds.items() if kind == "explanation"]
    assert len(pictures) == 9
    assert all((done.out / "out/result" / path).is_file() for path in pictures)


def test_samples_are_explained_with_what_the_network_saw(done: Run) -> None:
    report = done.result.explanations
    assert report is not None
    assert len(report.samples) == 3
    assert report.layer
    assert report.likeness_to_random is not None
    for sample in report.samples:
        assert sample.key.startswith("test/")
        cam, gradients = sample.attributions
        assert (cam.method, gradients.method) == ("grad-cam", "integrated-gradients")
        assert gradients.completeness is not None
        assert gradients.completeness <= 0.05


def test_a_form_that_loses_too_much_is_not_kept(folder: Path) -> None:
    values = recipe_values(
        stage(epochs=3, optimizer={"name": "adam", "lr": 0.01}),
        export={
            "formats": ["onnx"],
            "prune": {"amount": 0.94, "epochs": 0},
            "max_metric_drop": 0.0,
        },
        evaluate={"baseline": False},
    )
    finished = run(folder, values)
    assert finished.result.exports is not None
    pruned = finished.result.exports.forms[-1]
    assert (pruned.verdict, pruned.reason, pruned.path) == ("rejected", "metric_drop", "")
    assert pruned.drop is not None
    assert pruned.drop > 0
    assert pruned.size < pruned.reference_size
    assert not (finished.out / "out/result/model.pruned.onnx").exists()


def test_zeroed_weights_are_told_to_win_nothing(folder: Path) -> None:
    values = recipe_values(
        export={"prune": {"amount": 0.5, "kind": "unstructured", "epochs": 0}},
        evaluate={"baseline": False},
    )
    finished = run(folder, values)
    assert finished.result.exports is not None
    sparse = finished.result.exports.forms[-1]
    assert (sparse.format, sparse.verdict) == ("sparse", "no-gain")
    assert sparse.size == sparse.reference_size
    assert sparse.sparsity == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"export": {"quantize": "static-int8"}}, "add onnx to formats"),
        ({"distill": {"teacher": "me/big", "distill_loss_weight": 0}}, "remove distill"),
        ({"explain": {"methods": ["lime"]}}, "grad-cam"),
    ],
)
def test_a_block_that_makes_no_sense_is_refused(block: dict, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_from_values(recipe_values(**block))
    assert any(said in problem.message for problem in caught.value.problems)


@pytest.mark.parametrize("trained", [["head"], "all"])
def test_the_untouched_base_is_probed_whatever_was_trained(folder: Path, trained: object) -> None:
    weights = write_weights_of(folder, "timm/test_resnet")
    values = recipe_values(stage(trained), model={"base": {"weights": "pretrained"}})
    finished = run(folder, values, weights=weights)
    assert finished.result.stages[0].cached == (trained == ["head"])
    assert finished.result.evaluation is not None
    names = [row.name for row in finished.result.evaluation.baselines]
    assert names == ["majority", "random-features", "pretrained-features"]


def test_small_and_large_pictures_are_measured_apart(tmp_path: Path) -> None:
    write_images(tmp_path / "data", train=6, test=6)
    write_images(tmp_path / "large", train=0, test=6, side=48)
    for path in (tmp_path / "large" / "test").rglob("*.png"):
        path.rename(tmp_path / "data/test" / path.parent.name / f"large-{path.name}")
    finished = run(tmp_path, recipe_values(evaluate={"baseline": False}))
    assert finished.result.evaluation is not None
    sides = {row.value: row.size for row in finished.result.evaluation.slices if row.by == "side"}
    assert sides == {"24 … < 48 px": 18, "48 px": 18}


def test_the_values_of_columns_that_are_asked_for_are_measured_apart(tmp_path: Path) -> None:
    write_table(tmp_path, {10: "indoors", 11: "outdoors"}, head="place")
    values = recipe_values(
        data={"columns": {"split": "split"}},
        evaluate={"baseline": False, "slices": ["place"]},
        train={"batch_size": 6},
    )

    report = run(tmp_path, values).result.evaluation

    assert report is not None
    places = {row.value: row.size for row in report.slices if row.by == "place"}
    assert places == {"indoors": 1, "outdoors": 1}


def test_a_column_to_measure_apart_that_is_not_there_is_named(tmp_path: Path) -> None:
    write_table(tmp_path, {})
    values = recipe_values(data={"columns": {"split": "split"}}, evaluate={"slices": ["camera"]})
    search, out = Search((tmp_path,)), tmp_path / "run"
    (error,) = prepare(recipe_from_values(values), search, None, out)[0].errors
    assert (error.code, error.params["column"]) == ("COLUMN_MISSING", "camera")
