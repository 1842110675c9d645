"""The life of a job over HTTP, with a worker that only talks."""

import hashlib
import json
from typing import Any

import httpx
import pytest
import yaml
from fastapi import FastAPI

from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.jobs import FakeWorker, make_base, make_data, recipe_values

CARD = """---
library_name: timm
model-index:
- name: tiny
  results:
  - metrics: [{type: accuracy, value: 0.75, verified: false}]
---
# tiny

Made by a worker.
"""
RESULT = {"split": "validation", "splits": {"validation": {"metric": "accuracy", "value": 0.75}}}


def step(number: int) -> dict[str, Any]:
    point = {
        "step": number,
        "epoch": 1,
        "loss": 1 / number,
        "lr": {"head": 0.001},
        "samples_per_s": 10.0,
        "memory_bytes": 1,
    }
    return {"kind": "StepsReported", "stage": 1, "points": [point]}


class Owner:
    """Somebody with a job, their client, and a worker."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient) -> None:
        self.app, self.client = app, client
        self.worker = FakeWorker(client)

    async def submit(self, *, private: bool = False) -> "Owner":
        database = self.app.state.database
        self.user = await make_user(database)
        self.headers = bearer(await make_token(database, self.user))
        self.base = await make_base(self.app, self.user)
        self.data = await make_data(self.app, self.user, private=private)
        body = {"recipe": recipe_values(self.base, self.data)}
        answer = await self.client.post("/api/v1/jobs", json=body, headers=self.headers)
        assert answer.status_code == 201, answer.text
        self.id = answer.json()["id"]
        return self

    async def get(self, path: str = "", **headers: str) -> httpx.Response:
        return await self.client.get(
            f"/api/v1/jobs/{self.id}{path}", headers=self.headers | headers
        )

    async def post(self, verb: str, body: object = None) -> httpx.Response:
        address = f"/api/v1/jobs/{self.id}/{verb}"
        return await self.client.post(address, json=body, headers=self.headers)

    async def state(self) -> str:
        state: str = (await self.get()).json()["state"]
        return state

    async def finish(self) -> None:
        """Claim, run, store a result and finish."""
        assert await self.worker.claim()
        await self.worker.events({"kind": "RunStarted"}, step(1), {"kind": "RunFinished"})
        files = [
            await self.worker.store("model.safetensors", b"trained", "weights"),
            await self.worker.store("config.json", b"{}", "config"),
            await self.worker.store("README.md", CARD.encode(), "card"),
            await self.worker.store("checkpoints/1/state.safetensors", b"x", "checkpoint"),
        ]
        answer = await self.worker.post("finish", {"result": RESULT, "artifacts": files})
        assert answer.json() == {"state": "succeeded"}


@pytest.fixture
async def owner(app: FastAPI, client: httpx.AsyncClient) -> Owner:
    return await Owner(app, client).submit()


async def test_a_job_runs_from_queue_to_result(owner: Owner) -> None:
    assert await owner.worker.claim()
    claimed = owner.worker.claimed
    assert [pin["role"] for pin in claimed["repositories"]] == ["base", "data"]
    assert claimed["resume"] is None
    assert await owner.state() == "leased"
    await owner.worker.events({"kind": "RunStarted"})
    assert await owner.state() == "running"
    await owner.worker.events({"kind": "RunFinished"}, start=2)
    assert await owner.state() == "finalizing"
    await owner.worker.post("finish", {"result": RESULT, "artifacts": []})
    job = (await owner.get()).json()
    assert (job["state"], job["headline"], job["progress"]) == (
        "succeeded",
        {"metric": "accuracy", "value": 0.75},
        1.0,
    )


async def test_a_job_token_reads_only_the_repositories_of_its_job(owner: Owner) -> None:
    await owner.worker.claim()
    other = await make_data_of(owner.app)
    read = [
        (await owner.client.get(f"/api/v1/datasets/{name}/inventory", headers=h)).status_code
        for name in (owner.data, other)
        for h in (owner.worker.headers,)
    ]
    assert read == [200, 404]
    listed = await owner.client.get("/api/v1/jobs", headers=owner.worker.headers)
    assert listed.status_code == 403


async def make_data_of(app: FastAPI) -> str:
    return await make_data(app, await make_user(app.state.database))


async def test_a_job_token_dies_with_its_attempt(owner: Owner) -> None:
    await owner.worker.claim()
    await owner.worker.post("release", {"reason": "deploy"})
    answer = await owner.client.get(
        f"/api/v1/datasets/{owner.data}/inventory", headers=owner.worker.headers
    )
    assert answer.status_code == 401


async def test_a_job_token_of_one_attempt_is_worth_nothing_for_another(owner: Owner) -> None:
    await owner.worker.claim()
    address = f"/api/v1/worker/jobs/{owner.id}/attempts/2/heartbeat"
    answer = await owner.client.post(address, json={}, headers=owner.worker.headers)
    assert answer.status_code == 403
    forged = {"Authorization": owner.worker.headers["Authorization"][:-4] + "0000"}
    answer = await owner.client.post(f"{owner.worker.address}/heartbeat", json={}, headers=forged)
    assert answer.status_code == 401


async def test_claiming_needs_the_worker_key(client: httpx.AsyncClient) -> None:
    body = {"worker_id": 1, "queues": ["cpu"], "protocol": 1}
    for headers in ({}, bearer("wrong"), bearer("")):
        answer = await client.post("/api/v1/worker/claim", json=body, headers=headers)
        assert answer.status_code == 401


async def test_a_worker_of_another_protocol_is_turned_away(client: httpx.AsyncClient) -> None:
    body = {"name": "old", "queues": ["cpu"], "protocol": 99}
    headers = bearer("test-worker-key")
    answer = await client.post("/api/v1/worker/register", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "protocol_unsupported")


async def test_a_file_with_another_hash_is_not_stored(owner: Owner) -> None:
    await owner.worker.claim()
    headers = owner.worker.headers | {"X-Content-Sha256": hashlib.sha256(b"a").hexdigest()}
    answer = await owner.client.put(
        f"{owner.worker.address}/artifacts/model.safetensors", content=b"b", headers=headers
    )
    assert answer.status_code == 422
    assert (await owner.get("/artifacts")).json() == []


@pytest.mark.parametrize("path", ["../x", "a%2F..%2Fb", "%2e%2e/x", "a\\b", "/etc/x", "a%00b"])
async def test_no_path_leads_out_of_an_attempts_output(owner: Owner, path: str) -> None:
    await owner.worker.claim()
    headers = owner.worker.headers | {"X-Content-Sha256": hashlib.sha256(b"a").hexdigest()}
    answer = await owner.client.put(
        f"{owner.worker.address}/artifacts/{path}", content=b"a", headers=headers
    )
    assert answer.status_code in {400, 404, 405, 422}
    assert (await owner.get("/artifacts")).json() == []


async def test_an_artifact_is_downloaded_in_ranges(owner: Owner) -> None:
    await owner.worker.claim()
    await owner.worker.store("log.txt", b"0123456789", "log")
    whole = await owner.get("/artifacts/log.txt")
    assert (whole.status_code, whole.content) == (200, b"0123456789")
    assert "attachment" in whole.headers["Content-Disposition"]
    part = await owner.get("/artifacts/log.txt", Range="bytes=2-4")
    assert (part.status_code, part.content) == (206, b"234")
    assert part.headers["Content-Range"] == "bytes 2-4/10"
    tail = await owner.get("/artifacts/log.txt", Range="bytes=-3")
    assert tail.content == b"789"
    beyond = await owner.get("/artifacts/log.txt", Range="bytes=20-")
    assert beyond.status_code == 416


async def test_a_checkpoint_counts_only_when_its_files_are_stored(owner: Owner) -> None:
    await owner.worker.claim()
    file = {"path": "checkpoints/1/a", "sha256": "0" * 64, "size": 1}
    manifest = {"stage": 1, "epoch": 1, "step": 5, "files": [file]}
    answer = await owner.worker.post("checkpoints", manifest)
    assert (answer.status_code, answer.json()["code"]) == (422, "file_missing")
    assert (await owner.get("/checkpoints")).json() == []


async def test_a_second_attempt_resumes_from_the_newest_checkpoint(owner: Owner) -> None:
    await owner.worker.claim()
    for epoch in (1, 2):
        file = await owner.worker.store(f"checkpoints/{epoch}/a", b"%d" % epoch, "checkpoint")
        manifest = {"stage": 1, "epoch": epoch, "step": epoch * 5, "files": [file]}
        assert (await owner.worker.post("checkpoints", manifest)).status_code == 201
    await owner.worker.post("release", {"reason": "deploy"})
    await owner.worker.claim()
    resume = owner.worker.claimed["resume"]
    assert (resume["epoch"], resume["step"]) == (2, 10)
    (file,) = resume["files"]
    fetched = await owner.client.get(file["url"], headers=owner.worker.headers)
    assert hashlib.sha256(fetched.content).hexdigest() == file["sha256"]


async def test_the_curves_show_each_step_once_after_a_repeated_epoch(owner: Owner) -> None:
    await owner.worker.claim()
    await owner.worker.events({"kind": "RunStarted"}, step(1), step(2), step(3))
    await owner.worker.post("release", {"reason": "deploy"})
    await owner.worker.claim()
    await owner.worker.events({"kind": "RunStarted"}, step(2), step(3), step(4))
    points = (await owner.get("/metrics")).json()["points"]
    assert [(p["step"], p["attempt"]) for p in points] == [(1, 1), (2, 2), (3, 2), (4, 2)]


async def test_a_loss_that_is_not_a_number_is_shown_as_missing(owner: Owner) -> None:
    await owner.worker.claim()
    event = {"seq": 1, "time": "2026-01-01T00:00:00Z", "kind": "LogWritten", "lines": ["a\x00b"]}
    body = json.dumps({"events": [{**event, "loss": float("nan")}]})
    answer = await owner.client.post(
        f"{owner.worker.address}/events",
        content=body,
        headers=owner.worker.headers | {"Content-Type": "application/json"},
    )
    assert answer.status_code == 200, answer.text
    (line,) = (await owner.get("/logs")).json()["items"]
    assert line["line"] == "a\ufffdb"


async def test_a_thousand_log_lines_are_read_in_order_and_from_the_end(owner: Owner) -> None:
    await owner.worker.claim()
    lines = [f"line {number}" for number in range(1, 1001)]
    await owner.worker.events({"kind": "LogWritten", "lines": lines})
    page = (await owner.get("/logs?after=10&limit=2")).json()
    assert [item["line"] for item in page["items"]] == ["line 11", "line 12"]
    tail = (await owner.get("/logs?tail=3")).json()
    assert [item["number"] for item in tail["items"]] == [998, 999, 1000]


async def test_a_waiting_job_is_cancelled_at_once(owner: Owner) -> None:
    assert (await owner.post("cancel")).json()["state"] == "cancelled"
    assert not await owner.worker.claim()


async def test_a_running_job_is_cancelled_through_its_worker(owner: Owner) -> None:
    await owner.worker.claim()
    await owner.post("cancel")
    assert (await owner.worker.post("heartbeat", {})).json()["cancel_requested"]
    assert (await owner.worker.post("finish", {"result": RESULT})).json() == {"state": "cancelled"}
    job = (await owner.get()).json()
    assert (job["state"], job["result"]) == ("cancelled", None)


async def test_a_failed_job_says_why_and_can_be_resumed(owner: Owner) -> None:
    await owner.worker.claim()
    failure = {"code": "DIVERGED", "sentence": "The loss is not a number.", "fix": "Smaller lr."}
    await owner.worker.post("fail", {"failure": failure})
    job = (await owner.get()).json()
    assert job["failure"]["code"] == "DIVERGED"
    assert (await owner.post("resume")).json()["state"] == "queued"
    assert await owner.worker.claim()
    assert owner.worker.claimed["attempt"] == 2


async def test_a_job_that_succeeded_cannot_be_resumed_but_run_again(owner: Owner) -> None:
    await owner.finish()
    assert (await owner.post("resume")).status_code == 409
    again = (await owner.post("rerun")).json()
    first = (await owner.get()).json()
    assert again["rerun_of"] == owner.id
    assert again["plan_hash"] == first["plan_hash"]
    assert again["inputs"] == first["inputs"]


async def test_a_result_becomes_a_model_repository(owner: Owner) -> None:
    await owner.finish()
    body = {"owner": owner.user.name, "name": "flowers"}
    answer = await owner.post("publish", body)
    assert answer.status_code == 201, answer.text
    assert not answer.json()["private"]
    repo = answer.json()["repo"]
    weights = await owner.client.get(f"/{repo}/resolve/main/model.safetensors")
    assert weights.content == b"trained"
    card = (await owner.client.get(f"/{repo}/resolve/main/README.md")).text
    matter = yaml.safe_load(card.split("---")[1])
    assert matter["license"] == "apache-2.0"
    assert matter["model-index"][0]["name"] == "flowers"
    assert matter["model-index"][0]["results"][0]["metrics"][0]["verified"] is True
    job = (await owner.get()).json()
    assert matter["lineage"]["plan_hash"] == job["plan_hash"]
    assert matter["lineage"]["base"] == f"{owner.base}@{job['inputs'][0]['commit']}"
    assert job["published"] == repo
    curves = json.loads((await owner.client.get(f"/{repo}/resolve/main/curves.json")).text)
    assert [point["step"] for point in curves["points"]] == [1]
    state = await owner.client.get(f"/{repo}/resolve/main/checkpoints/1/state.safetensors")
    assert state.status_code == 404


async def test_a_result_of_private_data_stays_private_unless_told(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    owner = await Owner(app, client).submit(private=True)
    await owner.finish()
    answer = await owner.post("publish", {"owner": owner.user.name, "name": "hidden"})
    assert answer.json()["private"]
    seen = await client.get(f"/{answer.json()['repo']}/resolve/main/config.json")
    assert seen.status_code in {401, 404}


async def test_a_result_is_published_once(owner: Owner) -> None:
    await owner.finish()
    await owner.post("publish", {"owner": owner.user.name, "name": "one"})
    answer = await owner.post("publish", {"owner": owner.user.name, "name": "two"})
    assert (answer.status_code, answer.json()["code"]) == (409, "already_published")


async def test_a_job_without_a_result_is_not_published(owner: Owner) -> None:
    answer = await owner.post("publish", {"owner": owner.user.name, "name": "early"})
    assert answer.status_code == 409


READS = ("", "/events", "/events/stream", "/logs", "/metrics", "/attempts", "/checkpoints")
STEERS = ("cancel", "resume", "rerun")


@pytest.mark.parametrize("who", ["nobody", "stranger", "admin"])
async def test_a_job_is_seen_and_steered_by_its_owner_and_administrators_alone(
    owner: Owner, who: str
) -> None:
    await owner.finish()
    database = owner.app.state.database
    missing, there = owner.id + 1000, owner.id
    headers = {}
    if who != "nobody":
        person = await make_user(database, is_admin=who == "admin")
        scope = "all" if who == "admin" else "write"
        headers = bearer(await make_token(database, person, scope))
    for path in (*READS, "/artifacts", "/artifacts/config.json"):
        answer = await owner.client.get(f"/api/v1/jobs/{there}{path}", headers=headers)
        if who == "admin":
            assert answer.status_code == 200, path
            continue
        other = await owner.client.get(f"/api/v1/jobs/{missing}{path}", headers=headers)
        assert answer.status_code == other.status_code == 404, path
        assert answer.json()["error"] == other.json()["error"]
    for verb in STEERS if who != "admin" else ():
        answer = await owner.client.post(f"/api/v1/jobs/{there}/{verb}", headers=headers)
        assert answer.status_code == (401 if who == "nobody" else 404), verb


async def test_the_list_holds_ones_own_jobs_page_by_page(owner: Owner) -> None:
    ids = [owner.id] + [(await owner.post("rerun")).json()["id"] for _number in range(4)]
    seen: list[int] = []
    cursor = ""
    while True:
        page = await owner.client.get(f"/api/v1/jobs?limit=2{cursor}", headers=owner.headers)
        seen += [item["id"] for item in page.json()["items"]]
        if page.json()["next_cursor"] is None:
            break
        cursor = f"&cursor={page.json()['next_cursor']}"
    assert seen == sorted(ids, reverse=True)
    none = await owner.client.get("/api/v1/jobs?state=failed", headers=owner.headers)
    assert none.json()["items"] == []


async def test_a_result_that_cannot_be_read_hurts_neither_its_page_nor_the_next_job(
    owner: Owner,
) -> None:
    assert await owner.worker.claim()
    ended = {"kind": "RunFinished", "metric": "accuracy", "value": 0.5}
    await owner.worker.events({"kind": "RunStarted", "device": "cpu"}, ended)
    await owner.worker.post("finish", {"result": {"stages": "none"}, "artifacts": []})
    page = await owner.client.get(f"/jobs/{owner.id}", headers=owner.headers)
    assert page.status_code == 200
    await owner.submit()
    assert await owner.state() == "queued"
