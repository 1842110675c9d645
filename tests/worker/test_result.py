import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

from tests.worker.builders import (
    Values,
    as_json,
    fresh_python,
    front_matter,
    plan_of,
    recipe_values,
    run,
    stage,
    write_weights_of,
)
from worker.contract.attempt import AttemptJob
from worker.contract.failures import Failure, FailureCode, RunError
from worker.contract.manifest import Manifest, Result
from worker.contract.run_events import RunEvent, parse_event
from worker.evaluation.classification import split_metrics
from worker.evaluation.metrics import accuracy_interval
from worker.modeling.weights import file_sha256

PYTHON_BLOCK = "```python\n"


def snippet_of(card: str) -> str:
    return card.partition(PYTHON_BLOCK)[2].partition("```")[0]


def measure_code(folder: Path) -> str:
    """Return code that classifies every test picture and prints the part that is right."""
    return f"""
from pathlib import Path
paths = sorted(Path({str(folder / "data" / "test")!r}).rglob("*.png"))
print(sum(classify(path)[0] == path.parent.name for path in paths) / len(paths))
"""


@pytest.mark.parametrize(
    ("architecture", "model", "size"),
    [
        ("timm/test_resnet", {}, 24),
        ("timm/test_vit", {"head": {"type": "linear", "dropout": 0.1}}, 160),
        ("torchvision/resnet18", {"head": {"type": "mlp", "hidden": [8], "pool": "flatten"}}, 40),
        (
            "torchvision/mobilenet_v2",
            {"stem": {"replace": {"features.0.0": {"kernel_size": 3, "stride": 1}}}},
            32,
        ),
    ],
)
def test_a_published_model_loads_in_a_fresh_python_with_its_own_accuracy(
    folder: Path, architecture: str, model: Values, size: int
) -> None:
    values = recipe_values(
        stage(optimizer={"lr": 0.01}),
        architecture=architecture,
        model=model,
        data={"image_size": size},
    )
    done = run(folder, values)
    result = done.out / "out/result"
    code = snippet_of((result / "README.md").read_text(encoding="utf-8"))
    printed = fresh_python(code + measure_code(folder), result)
    assert float(printed) == pytest.approx(done.result.splits["test"].value)


def test_a_published_model_is_a_base_for_the_next_recipe(folder: Path) -> None:
    surgery = {"head": {"type": "mlp", "hidden": [8]}}
    first = run(
        folder, recipe_values(stage(epochs=3, optimizer={"lr": 0.1}), model=surgery), out="a"
    )
    (folder / "published").symlink_to(first.out / "out/result")
    kept = recipe_values(
        stage(["head"], optimizer={"lr": 1e-9}),
        model={"base": {"repo": "published", "weights": "pretrained"}, "head": {"type": "keep"}},
    )
    second = run(folder, kept, out="b")
    one, two = first.result.splits["test"], second.result.splits["test"]
    assert two.confusion == one.confusion
    assert two.loss == pytest.approx(one.loss, abs=1e-4)
    again = recipe_values(
        stage(["head"]), model={"base": {"repo": "published", "weights": "pretrained"}}
    )
    third = run(folder, again, out="c")
    assert third.result.stages[0].trainable_count == 8 * 3 + 3


def test_the_card_states_what_was_measured(folder: Path) -> None:
    done = run(folder, recipe_values())
    card = (done.out / "out/result/README.md").read_text(encoding="utf-8")
    matter = yaml.safe_load(front_matter(card))
    (entry,) = matter["model-index"][0]["results"]
    metrics = {metric["type"]: metric["value"] for metric in entry["metrics"]}
    assert metrics["accuracy"] == pytest.approx(done.result.headline.value, abs=1e-6)
    assert entry["dataset"]["split"] == "test"
    assert matter["pipeline_tag"] == "image-classification"
    assert done.plan.plan_hash in card


def test_the_manifest_holds_the_hash_of_every_file(folder: Path) -> None:
    result = run(folder, recipe_values()).out / "out/result"
    manifest = Manifest.model_validate_json((result / "manifest.json").read_text())
    assert {entry.path for entry in manifest.files} == {
        path.name for path in result.iterdir() if path.name != "manifest.json"
    }
    assert all(file_sha256(result / entry.path) == entry.sha256 for entry in manifest.files)


def test_the_result_holds_every_number(folder: Path) -> None:
    done = run(folder, recipe_values(stage(["head"], name="one"), stage(name="two", epochs=2)))
    result = Result.model_validate_json((done.out / "out/result/result.json").read_text())
    assert result == done.result
    assert result.plan_hash == done.plan.plan_hash
    assert [(s.name, s.epochs, s.steps) for s in result.stages] == [("one", 1, 4), ("two", 2, 8)]
    test = result.splits["test"]
    assert sum(map(sum, test.confusion)) == test.size == 12
    assert {item.label for item in test.per_class} == {"blue", "green", "red"}
    wrong = test.size - sum(test.confusion[i][i] for i in range(3))
    assert len(test.wrong) == wrong
    assert all((folder / "data" / sample.path).exists() for sample in test.wrong)


def test_measures_are_those_of_the_definitions() -> None:
    logits = torch.tensor([[4.0, 0], [3, 0], [0, 2], [1, 0], [0, 5]])
    labels = torch.tensor([0, 0, 0, 1, 1])
    found = split_metrics(logits, labels, ["a", "b"], list("vwxyz"))
    assert found.confusion == ((2, 1), (1, 1))
    assert found.value == pytest.approx(3 / 5)
    assert found.values["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    first, second = found.per_class
    assert (first.precision, first.recall, first.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert (second.precision, second.recall, second.f1) == pytest.approx((0.5, 0.5, 0.5))
    assert [(s.path, s.true, s.predicted) for s in found.wrong] == [
        ("x", "a", "b"),
        ("y", "b", "a"),
    ]


def test_the_interval_of_an_accuracy_is_the_one_of_the_book() -> None:
    # Newcombe 1998, table I: 81 of 263.
    assert accuracy_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert accuracy_interval(0, 10)[0] == 0.0


def test_a_table_and_class_folders_give_the_same_plan_of_images(folder: Path) -> None:
    folders = run(folder, recipe_values(), out="folders")
    root = folder / "table"
    root.mkdir()
    rows = []
    for path in sorted((folder / "data").resolve().rglob("*.png")):
        target = root / f"{path.parent.parent.name}-{path.parent.name}-{path.name}"
        target.write_bytes(path.read_bytes())
        rows.append([target.name, path.parent.name, path.parent.parent.name])
    text = io.StringIO()
    csv.writer(text).writerows([["image", "label", "part"], *rows])
    (root / "metadata.csv").write_text(text.getvalue())
    values = recipe_values(data={"train": {"repo": "table"}, "columns": {"split": "part"}})
    tables = run(folder, values, out="tables")
    assert tables.plan.split_sizes == folders.plan.split_sizes
    assert tables.result.headline.value == pytest.approx(folders.result.headline.value, abs=0.5)


def test_a_zip_file_trains_like_its_folder(folder: Path) -> None:
    import shutil

    (folder / "zipped").mkdir()
    shutil.make_archive(str(folder / "zipped/pictures"), "zip", (folder / "data").resolve())
    unzipped = run(folder, recipe_values(), out="a")
    zipped = run(folder, recipe_values(data={"train": {"repo": "zipped"}}), out="b")
    assert zipped.result.weights_sha256 == unzipped.result.weights_sha256


def test_data_that_changed_after_planning_are_refused(folder: Path, tmp_path: Path) -> None:
    from worker.engine import Places, run_plan
    from worker.training.reporting import Forever

    plan, places = plan_of(folder, recipe_values())
    other = tmp_path / "changed"
    Image.new("RGB", (9, 9)).save(_made(other / "train/red/0.png"))
    with pytest.raises(RunError, match="not those of the plan"):
        run_plan(plan, Places(other, places.out), lambda _: None, Forever())


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    return path


def prepare_job(folder: Path, values: Values) -> Path:
    plan, places = plan_of(folder, values)
    job = folder / "job"
    job.mkdir()
    spec = AttemptJob(plan=plan, inputs={"data": str(places.data)})
    (job / "job.json").write_text(spec.model_dump_json())
    return job


def start(job: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "worker", "run-attempt", "--job", str(job)]
    return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})


def events_of(job: Path) -> list[RunEvent]:
    path = job / "events.jsonl"
    return [parse_event(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_an_attempt_writes_its_events_without_gaps_and_its_result(folder: Path) -> None:
    job = prepare_job(folder, recipe_values())
    assert start(job).wait(timeout=110) == 0
    events = events_of(job)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    kinds = [event.kind for event in events]
    assert kinds[0] == "RunStarted"
    assert kinds[-1] == "RunFinished"
    assert {"PlanResolved", "DataLoaded", "StageStarted", "EpochFinished"} <= set(kinds)
    assert Result.model_validate_json((job / "out/result/result.json").read_text())


def test_an_attempt_that_is_told_to_end_leaves_a_checkpoint(folder: Path) -> None:
    job = prepare_job(folder, recipe_values(stage(epochs=1000)))
    process = start(job)
    deadline = time.monotonic() + 100
    while not any(event.kind == "EpochFinished" for event in events_of(job)):
        assert process.poll() is None
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 75
    last = events_of(job)[-1]
    assert last.kind == "CheckpointSaved"
    assert (job / last.path / "manifest.json").exists()


def test_a_failed_attempt_says_why_in_a_file(folder: Path) -> None:
    job = prepare_job(folder, recipe_values(stage(["nothing", "head"])))
    assert start(job).wait(timeout=110) == 3
    failure = Failure.model_validate_json((job / "failure.json").read_text())
    assert failure.code == FailureCode.RECIPE_INVALID
    assert "'nothing'" in failure.detail
    assert failure.fix


def test_the_command_line_runs_a_recipe_and_leaves_a_repository(folder: Path) -> None:
    recipe = folder / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(recipe_values()))
    command = [sys.executable, "-m", "worker", "run", str(recipe), "--out", str(folder / "out")]
    done = subprocess.run(
        [*command, "--set", "train.stages.0.epochs=2"],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    result = as_json(folder / "out/result.json")
    assert result["epochs"] == 2
    assert json.loads((folder / "out/config.json").read_text())["labels"] == [
        "blue",
        "green",
        "red",
    ]
    assert "accuracy" in done.stderr


def test_the_command_line_names_every_mistake_of_a_recipe(folder: Path) -> None:
    recipe = folder / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(recipe_values(stage(learning_rate=1))))
    command = [sys.executable, "-m", "worker", "run", str(recipe), "--out", str(folder / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 2
    assert "train.stages.0.learning_rate: 'learning_rate' is not a key here." in done.stderr


def test_a_pickle_is_never_loaded_as_weights(folder: Path) -> None:
    import pickle

    path = folder / "evil.pth"
    path.write_bytes(pickle.dumps(print))
    values = recipe_values(model={"base": {"weights": "pretrained"}})
    with pytest.raises(RunError) as caught:
        run(folder, values, weights=path)
    assert caught.value.code == FailureCode.BASE_INVALID


def test_weights_of_another_architecture_are_refused(folder: Path) -> None:
    weights = write_weights_of(folder, "timm/test_vit")
    values = recipe_values(model={"base": {"weights": "pretrained"}})
    with pytest.raises(RunError, match="does not fit"):
        run(folder, values, weights=weights)


def test_a_base_without_weights_says_how_to_give_them(folder: Path) -> None:
    with pytest.raises(RunError, match="--weights"):
        run(folder, recipe_values(model={"base": {"weights": "pretrained"}}))
