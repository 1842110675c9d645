"""The page of a run: complete without a script, private, and honest about how it goes."""

import hashlib
import json
import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.db import Database
from app.jobs.tables import Job
from tests.factories.accounts import make_user, sign_in
from tests.jobs_pages.conftest import Worker, result
from worker.contract.failures import Failure, FailureCode


async def page_of(reader: httpx.AsyncClient, job: Job, **options: Any) -> str:
    answer = await reader.get(f"/jobs/{job.id}", **options)
    assert answer.status_code == 200, answer.text
    return answer.text


def first_of(page: str) -> dict[str, Any]:
    """What the page hands to its script."""
    written = re.search(r'id="run-data">(.*?)</script>', page, re.DOTALL)
    assert written
    found: dict[str, Any] = json.loads(written.group(1))
    return found


async def test_a_waiting_job_says_that_no_worker_is_there(
    reader: httpx.AsyncClient, job: Job
) -> None:
    page = await page_of(reader, job)
    assert "Waiting" in page
    assert "No worker is connected just now." in page


async def test_a_visitor_is_asked_to_sign_in_and_led_back(
    client: httpx.AsyncClient, job: Job
) -> None:
    answer = await client.get(f"/jobs/{job.id}")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/login?next=%2Fjobs%2F{job.id}"


async def test_somebody_elses_job_looks_like_a_missing_one(
    app: FastAPI, client: httpx.AsyncClient, database: Database, job: Job
) -> None:
    await make_user(database, "eve")
    await sign_in(client, "eve")
    theirs = await client.get(f"/jobs/{job.id}")
    missing = await client.get("/jobs/987654")
    assert theirs.status_code == missing.status_code == 404
    assert theirs.json()["error"] == missing.json()["error"]


async def test_epochs_stand_in_a_table_without_a_script(
    reader: httpx.AsyncClient, job: Job, worker: Worker
) -> None:
    await worker.begin()
    await worker.epoch(1, 0.5)
    await worker.epoch(2, 0.875)
    page = await page_of(reader, job)
    assert "87.5 %" in page
    assert "0.6250" in page
    assert "bench-1" in page
    assert "epoch 2 of 2" in page


async def test_the_script_begins_where_the_stream_goes_on(
    reader: httpx.AsyncClient, job: Job, worker: Worker
) -> None:
    await worker.begin()
    await worker.epoch(1, 0.5)
    first = first_of(await page_of(reader, job))
    events = await reader.get(f"/api/v1/jobs/{job.id}/events", params={"after": first["seq"]})
    assert events.json()["items"] == []
    assert [point["step"] for point in first["points"]] == [1, 2, 3]
    assert [event["kind"] for event in first["events"]] == [
        "RunStarted",
        "StageStarted",
        "EpochFinished",
    ]


async def test_a_run_that_began_afresh_shows_only_its_new_epochs(
    reader: httpx.AsyncClient, job: Job, worker: Worker
) -> None:
    await worker.begin()
    await worker.epoch(1, 0.125)
    await worker.begin()
    await worker.epoch(1, 0.5)
    page = await page_of(reader, job)
    assert "50.0 %" in page
    assert "12.5 %" not in page


async def test_a_result_shows_its_interval_the_baseline_and_the_wrong_images(
    reader: httpx.AsyncClient, job: Job, worker: Worker
) -> None:
    await worker.begin()
    await worker.post("finish", {"result": result()})
    page = await page_of(reader, job)
    assert "75.0 %" in page
    assert "interval 41.0 % to 93.0 %, 8 samples" in page
    assert "would give 50.0 %" in page
    assert 'href="#wrong-1-0"' in page
    assert f"/datasets/ada/data/resolve/{'b' * 40}/train/dog/1.png" in page
    assert "Publish as a model" in page


async def test_a_failed_job_says_why_and_what_to_do(
    reader: httpx.AsyncClient, job: Job, worker: Worker
) -> None:
    await worker.begin()
    failure = Failure.of(FailureCode.DIVERGED, "stage head, step 4", ("loss is nan",))
    await worker.post("fail", {"failure": failure.model_dump(mode="json")})
    page = await page_of(reader, job)
    assert failure.sentence in page
    assert failure.fix in page
    assert "loss is nan" in page
    assert f'action="/jobs/{job.id}/resume"' in page


async def test_a_failure_is_told_in_the_readers_language(
    reader: httpx.AsyncClient, job: Job, worker: Worker
) -> None:
    failure = Failure.of(FailureCode.OUT_OF_MEMORY)
    await worker.post("fail", {"failure": failure.model_dump(mode="json")})
    page = await page_of(reader, job, params={"lang": "zh-CN"})
    assert failure.sentence not in page
    assert "内存" in page


async def test_a_waiting_job_is_cancelled_by_its_button(
    reader: httpx.AsyncClient, job: Job
) -> None:
    answer = await reader.post(f"/jobs/{job.id}/cancel")
    assert answer.status_code == 303
    assert "Cancelled" in await page_of(reader, job)


async def test_a_cancelled_job_is_resumed_by_its_button(
    reader: httpx.AsyncClient, job: Job
) -> None:
    await reader.post(f"/jobs/{job.id}/cancel")
    answer = await reader.post(f"/jobs/{job.id}/resume")
    assert answer.headers["location"] == f"/jobs/{job.id}"
    assert "Waiting" in await page_of(reader, job)


async def test_what_a_worker_says_cannot_become_markup(
    reader: httpx.AsyncClient, job: Job, worker: Worker
) -> None:
    await worker.tell("LogWritten", lines=["</script><script>alert(1)</script>"])
    page = await page_of(reader, job)
    assert "<script>alert(1)" not in page


async def store(worker: Worker, path: str, kind: str, content: bytes) -> dict[str, Any]:
    """Upload a file of the attempt; return its line in the result's list."""
    sha256 = hashlib.sha256(content).hexdigest()
    headers = {**worker.headers, "X-Content-Sha256": sha256, "X-Artifact-Kind": kind}
    url = f"{worker.base}/artifacts/{path}"
    answer = await worker.client.put(url, content=content, headers=headers)
    assert answer.status_code == 201, answer.text
    return {"path": path, "sha256": sha256, "size": len(content), "kind": kind}


@pytest.fixture
async def finished(job: Job, worker: Worker) -> Job:
    """A job that succeeded and left weights and a card."""
    await worker.begin()
    files = [
        await store(worker, "model.safetensors", "weights", b"w" * 100),
        await store(worker, "README.md", "card", b"---\nlicense: mit\n---\n# Pets\n"),
    ]
    await worker.post("finish", {"result": result(), "artifacts": files})
    return job


async def test_a_result_is_published_and_the_page_then_leads_to_the_model(
    reader: httpx.AsyncClient, finished: Job
) -> None:
    answer = await reader.post(
        f"/jobs/{finished.id}/publish", data={"owner": "ada", "name": "pets-model"}
    )
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == "/ada/pets-model"
    assert 'href="/ada/pets-model"' in await page_of(reader, finished)


async def test_a_bad_name_comes_back_in_the_form_with_the_reason(
    reader: httpx.AsyncClient, finished: Job
) -> None:
    answer = await reader.post(
        f"/jobs/{finished.id}/publish", data={"owner": "ada", "name": "no spaces please"}
    )
    assert answer.status_code == 422
    assert 'value="no spaces please"' in answer.text
    assert 'role="alert"' in answer.text


async def test_files_of_a_run_are_offered_for_download(
    reader: httpx.AsyncClient, finished: Job
) -> None:
    address = f"/api/v1/jobs/{finished.id}/artifacts/model.safetensors"
    assert f'href="{address}"' in await page_of(reader, finished)
    assert (await reader.get(address)).content == b"w" * 100


async def test_the_script_fetches_the_moving_parts_alone(
    reader: httpx.AsyncClient, job: Job, worker: Worker
) -> None:
    await worker.begin()
    await worker.epoch(1, 0.5)
    page = await page_of(reader, job, params={"parts": "1"})
    assert 'id="numbers"' in page
    assert 'id="run-head"' in page
    assert "<html" not in page
    assert "run-data" not in page
