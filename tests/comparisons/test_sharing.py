"""Runs beside each other: what is shared, what stays back, and who says so."""

from typing import Any

import httpx
import pytest

from app.core.db import Database
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.jobs import FakeWorker, make_job

PERSONS = ("ada", "bob")


@pytest.fixture
async def people(client: httpx.AsyncClient, database: Database) -> dict[str, dict[str, str]]:
    """ada has two runs, one of them ended; bob looks on. Returns headers by name."""
    headers = {}
    for name in PERSONS:
        person = await make_user(database, name)
        headers[name] = bearer(await make_token(database, person, "write"))
        if name == "ada":
            async with database.transaction() as db:
                for number in range(2):
                    job = await make_job(db, person.id, name=f"run-{number}")
                    job.recipe = {
                        **job.recipe,
                        "train": {**job.recipe["train"], "batch_size": 4 + number},
                    }
    worker = FakeWorker(client)
    await worker.claim()
    point = {"step": 1, "epoch": 1, "loss": 0.5, "lr": {}, "samples_per_s": 1.0, "memory_bytes": 1}
    points = [{**point, "step": step, "loss": 1 / step} for step in (1, 2, 3)]
    await worker.events({"kind": "StepsReported", "stage": 1, "points": points})
    splits = {"test": {"metric": "accuracy", "value": 0.91, "low": 0.85, "high": 0.95}}
    await worker.post("finish", {"result": {"split": "test", "splits": splits}, "artifacts": []})
    return headers


async def share(client: httpx.AsyncClient, headers: dict[str, str], **more: Any) -> dict[str, Any]:
    body = {"title": "Which batch?", "job_ids": [1, 2], **more}
    answer = await client.post("/api/v1/comparisons", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_two_runs_stand_beside_each_other_for_everybody(
    client: httpx.AsyncClient, people: dict[str, dict[str, str]]
) -> None:
    made = await share(client, people["ada"])
    page = await client.get(made["url"])
    seen = (await client.get(f"/api/v1/comparisons/{made['id']}")).json()
    assert page.status_code == 200
    assert "0.9100" in page.text
    assert "polyline" in page.text
    assert seen["differences"] == {"train.batch_size": ["4", "5"]}
    assert (await client.get("/jobs/1")).status_code != 200


async def test_a_run_that_is_kept_back_drops_out_for_others_and_the_address_stays(
    client: httpx.AsyncClient, people: dict[str, dict[str, str]]
) -> None:
    made = await share(client, people["ada"])
    address = f"{made['url']}/runs/2"
    stranger = await client.post(address, data={"shown": "0"}, headers=people["bob"])
    await client.post(address, data={"shown": "0"}, headers=people["ada"])
    api = f"/api/v1/comparisons/{made['id']}"
    others = (await client.get(api, headers=people["bob"])).json()
    own = (await client.get(api, headers=people["ada"])).json()
    assert stranger.status_code == 403
    assert [run["job_id"] for run in others["runs"]] == [1]
    assert others["differences"] == {}
    assert [run["job_id"] for run in own["runs"]] == [1, 2]


async def test_nobody_compares_somebody_elses_runs(
    client: httpx.AsyncClient, people: dict[str, dict[str, str]]
) -> None:
    body = {"title": "Theirs", "job_ids": [1, 2]}
    refused = await client.post("/api/v1/comparisons", json=body, headers=people["bob"])
    assert refused.status_code == 404


@pytest.mark.parametrize("ids", [[1], [], [1, 1], list(range(1, 8))])
async def test_too_few_and_too_many_runs_are_refused(
    client: httpx.AsyncClient, people: dict[str, dict[str, str]], ids: list[int]
) -> None:
    body = {"title": "Which batch?", "job_ids": ids}
    refused = await client.post("/api/v1/comparisons", json=body, headers=people["ada"])
    assert (refused.status_code, refused.json()["code"]) == (422, "how_many")


async def test_people_talk_about_it_and_the_owner_withdraws_it(
    client: httpx.AsyncClient, people: dict[str, dict[str, str]]
) -> None:
    made = await share(client, people["ada"])
    form = {"comment": "Try **five** seeds."}
    said = await client.post(f"{made['url']}/comments", data=form, headers=people["bob"])
    page = await client.get(made["url"])
    refused = await client.post(f"{made['url']}/withdraw", headers=people["bob"])
    gone = await client.post(f"{made['url']}/withdraw", headers=people["ada"])
    assert said.status_code == 303
    assert "<strong>five</strong>" in page.text
    assert (refused.status_code, gone.status_code) == (403, 303)
    assert (await client.get(made["url"])).status_code == 404


async def test_the_form_offers_own_runs_and_keeps_what_was_chosen(
    client: httpx.AsyncClient, people: dict[str, dict[str, str]]
) -> None:
    page = await client.get("/comparisons/new?job=1", headers=people["ada"])
    refused = await client.post("/comparisons", data={"job": "1"}, headers=people["ada"])
    assert page.text.count('name="job"') == 2
    assert refused.status_code == 422
    assert refused.text.count("checked") >= 1
