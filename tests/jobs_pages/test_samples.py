"""What the run page shows of single samples: boxes, masks, and rows of texts."""

from typing import Any

import httpx

from app.jobs.tables import Job
from tests.jobs_pages.conftest import Worker, result
from tests.jobs_pages.test_run_page import page_of


def seen(task: str, metric: str, samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a result of another task, with samples."""
    value = result()
    metrics = value["splits"]["validation"]
    metrics |= {
        "metric": metric,
        "values": {metric: 0.75},
        "low": None,
        "high": None,
        "confusion": [],
        "wrong": [],
        "samples": samples,
    }
    return value | {"task": task}


async def test_boxes_are_drawn_over_the_picture(
    reader: httpx.AsyncClient, job: Job, worker: Worker
) -> None:
    await worker.begin()
    cat = {"label": "cat", "bbox": [10.0, 20.0, 30.0, 40.0]}
    dog = {"label": "dog", "bbox": [1.0, 2.0, 3.0, 4.5], "score": 0.913}
    sample = {"path": "train/a b.png", "width": 64, "height": 48, "true": [cat], "predicted": [dog]}
    await worker.post("finish", {"result": seen("object-detection", "map_50", [sample])})
    page = await page_of(reader, job)
    assert 'viewBox="0 0 64 48"' in page
    assert '<rect class="hue-0" x="10.0" y="20.0" width="30.0" height="40.0">' in page
    assert "<title>dog 91 %</title>" in page
    assert f"/datasets/ada/data/resolve/{'b' * 40}/train/a%20b.png" in page
    assert 'aria-label="As labelled: cat"' in page
    assert "Objects</th>" in page
    assert "taken for whom" not in page


async def test_masks_are_drawn_over_the_picture(
    reader: httpx.AsyncClient, job: Job, worker: Worker
) -> None:
    await worker.begin()
    sample = {
        "path": "train/1.png",
        "width": 640,
        "height": 480,
        "columns": 96,
        "rows": 72,
        "true": [{"label": "dog", "path": "M1 0h2v1h-2z"}],
        "predicted": [],
    }
    await worker.post("finish", {"result": seen("image-segmentation", "mean_iou", [sample])})
    page = await page_of(reader, job)
    assert 'viewBox="0 0 96 72"' in page
    assert '<path class="hue-1" d="M1 0h2v1h-2z">' in page
    assert 'aria-label="As found: nothing"' in page
    assert "Pixels</th>" in page


async def test_what_a_sample_says_cannot_become_markup(
    reader: httpx.AsyncClient, job: Job, worker: Worker
) -> None:
    await worker.begin()
    sample = {"text": "<script>x</script>", "found": ["a", "b"], "true": None, "f1": 0.5}
    await worker.post("finish", {"result": seen("question-answering", "f1_answer", [sample])})
    page = await page_of(reader, job)
    assert "<td>&lt;script&gt;x&lt;/script&gt;</td>" in page
    assert "<td>a, b</td>" in page


async def test_samples_of_an_odd_shape_do_not_break_the_page(
    reader: httpx.AsyncClient, job: Job, worker: Worker
) -> None:
    await worker.begin()
    sample = {"path": "1.png", "width": 8, "height": 8, "true": [{"bbox": ["x", 1]}, 5]}
    await worker.post("finish", {"result": seen("object-detection", "map_50", [sample])})
    assert "What it makes of single samples" in await page_of(reader, job)


async def test_wrong_texts_are_read_and_not_looked_at(
    reader: httpx.AsyncClient, job: Job, worker: Worker
) -> None:
    await worker.begin()
    value = result() | {"task": "text-classification"}
    for number, wrong in enumerate(value["splits"]["validation"]["wrong"]):
        wrong |= {"path": f"train.csv:{number}", "text": f"a film about dog {number}"}
    await worker.post("finish", {"result": value})
    page = await page_of(reader, job)
    assert "a film about dog 1" in page
    assert "<img" not in page.partition('id="wrong-1-0"')[2].partition("</section>")[0]


async def test_more_boxes_than_a_picture_can_bear_are_cut_to_the_surest(
    reader: httpx.AsyncClient, job: Job, worker: Worker
) -> None:
    await worker.begin()
    boxes = [{"label": "dog", "bbox": [n, n, 9.0, 9.0], "score": 0.9} for n in range(70)]
    sample = {"path": "train/1.png", "width": 64, "height": 48, "true": [], "predicted": boxes}
    await worker.post("finish", {"result": seen("object-detection", "map_50", [sample])})
    page = await page_of(reader, job)
    assert "As found, the surest 40 of 70" in page
    assert page.count("<title>dog 90 %</title>") == 40
