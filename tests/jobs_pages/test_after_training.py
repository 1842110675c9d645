"""What the run page shows of the time after training."""

from typing import Any

import httpx
import pytest

from app.jobs.tables import Job
from tests.jobs_pages.conftest import Worker, result
from tests.jobs_pages.test_run_page import page_of, store

EVALUATION: dict[str, Any] = {
    "split": "validation",
    "metric": "accuracy",
    "confidence": 0.95,
    "resamples": 1000,
    "baselines": [
        {"name": "majority", "value": 0.5, "low": 0.2, "high": 0.8, "seconds": 0.0},
        {"name": "pretrained-features", "value": 0.625, "low": 0.3, "high": 0.9, "seconds": 1.5},
    ],
    "slices": [
        {"by": "camera", "value": "rear", "size": 4, "metric": 0.5, "low": 0.2, "high": 0.7},
        {"by": "camera", "value": "<b>front</b>", "size": 4, "metric": 1, "low": 0.5, "high": 1},
    ],
    "calibration": {
        "ece": 0.2,
        "bins": [
            {"low": 0.8, "high": 0.9, "size": 8, "confidence": 0.85, "accuracy": 0.65},
        ],
        "temperature": 1.75,
        "ece_scaled": 0.04,
        "fitted_on": "validation",
    },
}
FORM = {"size": 400, "reference_size": 1000, "value": 0.7, "drop": 0.05}
EXPORTS: dict[str, Any] = {
    "split": "validation",
    "metric": "accuracy",
    "value": 0.75,
    "max_metric_drop": 0.01,
    "forms": [
        {"format": "onnx", "path": "model.onnx", "verdict": "kept", "max_difference": 9e-6, **FORM},
        {"format": "onnx-int8", "verdict": "rejected", "reason": "metric_drop", **FORM},
        {"format": "sparse", "verdict": "no-gain", "sparsity": 0.5, **FORM},
    ],
}
EXPLANATIONS: dict[str, Any] = {
    "split": "validation",
    "layer": "layer4",
    "likeness_to_random": 0.1,
    "samples": [
        {
            "key": "train/dog/1.png",
            "true": "dog",
            "predicted": "cat",
            "probability": 0.9,
            "chosen": "confident-wrong",
            "picture": "explanations/1.png",
            "attributions": [{"method": "grad-cam", "path": "explanations/1-grad-cam.png"}],
        },
        {
            "key": "row 7",
            "true": "dog",
            "predicted": "dog",
            "probability": 0.8,
            "chosen": "uncertain",
            "attributions": [
                {
                    "method": "integrated-gradients",
                    "tokens": [{"text": "barks", "weight": 1.0}, {"text": "purrs", "weight": -0.4}],
                }
            ],
        },
    ],
}


@pytest.fixture
async def finished(job: Job, worker: Worker) -> Job:
    await worker.begin()
    files = [
        await store(worker, "model.safetensors", "weights", b"w" * 100),
        await store(worker, "model.onnx", "onnx", b"o" * 400),
        await store(worker, "explanations/1.png", "explanation", b"\x89PNG picture"),
        await store(worker, "README.md", "card", b"# Pets\n"),
    ]
    told = {"evaluation": EVALUATION, "exports": EXPORTS, "explanations": EXPLANATIONS}
    await worker.post("finish", {"result": {**result(), **told}, "artifacts": files})
    return job


async def test_baselines_stand_beside_the_run(reader: httpx.AsyncClient, finished: Job) -> None:
    page = await page_of(reader, finished)
    assert page.index("Always the largest class") < page.index("One layer on the untouched base")
    assert page.index("One layer on the untouched base") < page.index("This run")
    assert 'cx="62.5%"' in page


async def test_the_page_says_that_confidence_is_too_high(
    reader: httpx.AsyncClient, finished: Job
) -> None:
    page = await page_of(reader, finished)
    assert "It is surer than it should be: confidence is off by 20.0 %." in page
    assert "With a temperature of 1.75" in page


async def test_a_weak_part_is_marked_and_values_are_no_markup(
    reader: httpx.AsyncClient, finished: Job
) -> None:
    page = await page_of(reader, finished)
    assert "By camera" in page
    assert "&lt;b&gt;front&lt;/b&gt;" in page
    assert page.count(">weak<") == page.count("weak") == 1


async def test_every_form_has_a_verdict_and_a_reason(
    reader: httpx.AsyncClient, finished: Job
) -> None:
    page = await page_of(reader, finished)
    assert f'href="/api/v1/jobs/{finished.id}/artifacts/model.onnx"' in page
    assert "It lost more than the recipe allows." in page
    assert "50 % of the weights are zero, and the file is as large as before." in page


async def test_explanations_are_pictures_a_browser_may_show(
    reader: httpx.AsyncClient, finished: Job
) -> None:
    page = await page_of(reader, finished)
    address = f"/api/v1/jobs/{finished.id}/artifacts/explanations/1.png"
    assert f'src="{address}"' in page
    assert "truly dog" in page
    assert '<span class="token token-against-2">purrs</span>' in page
    picture = await reader.get(address)
    assert picture.headers["content-type"] == "image/png"
    assert picture.headers["content-disposition"].startswith("inline")
    weights = await reader.get(f"/api/v1/jobs/{finished.id}/artifacts/model.onnx")
    assert weights.headers["content-disposition"].startswith("attachment")


async def test_pictures_of_samples_are_not_published(
    reader: httpx.AsyncClient, finished: Job
) -> None:
    await reader.post(f"/jobs/{finished.id}/publish", data={"owner": "ada", "name": "pets"})
    files = (await reader.get("/api/models/ada/pets")).json()["siblings"]
    names = {file["rfilename"] for file in files}
    assert "model.onnx" in names
    assert not any(name.startswith("explanations/") for name in names)


async def test_a_result_without_any_of_it_still_has_a_page(
    reader: httpx.AsyncClient, job: Job, worker: Worker
) -> None:
    await worker.begin()
    await worker.post("finish", {"result": result(), "artifacts": []})
    page = await page_of(reader, job)
    assert "Beside something simpler" not in page
    assert "75.0 %" in page
