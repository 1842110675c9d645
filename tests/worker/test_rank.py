"""Ranking base models alone, through the command line, on small and on real data."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pydantic import JsonValue

from tests.worker.builders import (
    plan_of,
    recipe_values,
    stage,
    write_images,
    write_weights_of,
)
from worker.contract.rank import RankResult
from worker.engine import run_plan
from worker.selection.kendall import weighted_tau
from worker.training.reporting import Forever


def write_base(folder: Path, architecture: str, seed: int = 11) -> None:
    """Write a model repository with weights of its own."""
    folder.mkdir()
    weights = write_weights_of(folder, f"timm/{architecture}", seed)
    weights.rename(folder / "model.safetensors")
    config = {"architecture": f"timm/{architecture}", "num_classes": 1000}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# A base\n")


def rank(
    folder: Path, *candidates: JsonValue, code: int = 0, **more: JsonValue
) -> tuple[RankResult | None, str]:
    """Run the command; return its result and what it told people."""
    request = {
        "kind": "rank-models",
        "name": "tiny",
        "candidates": list(candidates),
        "data": {"train": {"repo": "data"}},
        "image_size": 32,
        "resources": {"device": "cpu"},
        **more,
    }
    file = folder / "request.yaml"
    file.write_text(yaml.safe_dump(request))
    done = subprocess.run(
        [sys.executable, "-m", "worker", "rank", str(file), "--out", str(folder / "out")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    assert done.returncode == code, done.stderr
    return (RankResult.model_validate_json(done.stdout) if code == 0 else None), done.stderr


def test_candidates_are_measured_and_the_second_time_read_from_the_cache(tmp_path: Path) -> None:
    write_images(tmp_path / "data")
    write_base(tmp_path / "one", "test_resnet")
    candidates: list[JsonValue] = [
        {"repo": "one"},
        {"repo": "timm/test_vit", "weights": "random"},
        {"repo": "one", "weights": "random"},
    ]
    first, told = rank(tmp_path, *candidates)
    assert first is not None
    by_index = {item.index: item for item in first.candidates}
    assert by_index[0].license == "mit"
    assert by_index[0].weights_bytes > 0
    # Only a base with weights has classes of its own that could foretell ours.
    assert ["leep" in by_index[index].scores for index in range(3)] == [True, False, False]
    assert first.num_samples == 24
    assert first.agreement is not None
    assert "agreement of the measures" in told
    saved = RankResult.model_validate_json((tmp_path / "out/result.json").read_text())
    assert saved == first
    second, _ = rank(tmp_path, *candidates)
    assert second is not None
    assert [item.cached for item in second.candidates] == [True] * 3
    assert [item.scores for item in second.candidates] == [item.scores for item in first.candidates]
    assert [item.probe for item in second.candidates] == [item.probe for item in first.candidates]


def test_a_candidate_that_cannot_be_measured_stops_nobody_else(tmp_path: Path) -> None:
    write_images(tmp_path / "data")
    write_base(tmp_path / "one", "test_resnet")
    write_base(tmp_path / "wrong", "test_vit")
    config = json.dumps({"architecture": "timm/test_resnet", "num_classes": 1000})
    (tmp_path / "wrong/config.json").write_text(config)
    result, told = rank(tmp_path, {"repo": "wrong"}, {"repo": "one"})
    assert result is not None
    assert [item.repo for item in result.measured] == ["one"]
    assert result.candidates[-1].failure is not None
    assert result.candidates[-1].failure.code == "BASE_INVALID"
    assert "not measured: wrong" in told


def test_a_request_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    write_images(tmp_path / "data")
    random: dict[str, JsonValue] = {"repo": "timm/test_vit", "weights": "random"}
    _, told = rank(tmp_path, random, dict(random), code=2)
    assert "twice" in told
    other: JsonValue = {"repo": "timm/test_resnet", "weights": "random"}
    _, told = rank(tmp_path, random, other, sample_limit=1, code=2)
    assert "sample_limit" in told


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_order_is_that_of_heads_trained_on_all_the_data(tmp_path: Path) -> None:
    """Real weights, the same without them, and a tiny network, on real pictures."""
    from worker.starter import convert_starter

    convert_starter(tmp_path, lambda _line: None)
    (tmp_path / "datasets/digits").rename(tmp_path / "data")
    candidates: list[JsonValue] = [
        {"repo": "models/mobilenet_v2", "weights": "pretrained"},
        {"repo": "models/tf_efficientnet_lite0", "weights": "pretrained"},
        {"repo": "models/mobilenet_v2", "weights": "random"},
        {"repo": "models/tf_efficientnet_lite0", "weights": "random"},
        {"repo": "timm/test_vit", "weights": "random"},
    ]
    result, _ = rank(tmp_path, *candidates, image_size=48, sample_limit=400)
    assert result is not None
    probes = {item.index: item.probe.value for item in result.measured if item.probe}
    trained = [trained_accuracy(tmp_path, candidate) for candidate in candidates]
    sys.stdout.write(f"\nprobe {probes}\ntrained {trained}\nagreement {result.agreement}\n")
    seconds = {item.index: item.feature_seconds + item.score_seconds for item in result.measured}
    sys.stdout.write(f"seconds {seconds}\n")
    assert weighted_tau([probes[index] for index in range(5)], trained) >= 0.6


def trained_accuracy(folder: Path, candidate: JsonValue) -> float:
    """Train a new head on all training pictures and return the accuracy on the test split."""
    head = stage(["head"], epochs=15, optimizer={"name": "adamw", "lr": 3e-3})
    values = recipe_values(
        head,
        model={"base": candidate},
        data={"image_size": 48},
        train={"batch_size": 32},
    )
    plan, places = plan_of(folder, values)
    result = run_plan(plan, places, lambda _event: None, Forever())
    shutil.rmtree(places.out)
    return result.headline.value
