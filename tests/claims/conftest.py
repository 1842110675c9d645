"""A model of ada's that a job made, and people who look whether its card says the truth."""

from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.jobs import FakeWorker, make_base, make_data, recipe_values
from tests.jobs_pages.conftest import result

CARD = """---
base_model: ada/base
datasets: [ada/data]
model-index:
- name: tiny
  results:
  - task: {type: image-classification}
    dataset: {name: ada/data, type: ada/data}
    metrics: [{type: accuracy, name: Accuracy, value: 0.75, verified: false}]
---
# tiny
"""
MODEL = "ada/net"
API = f"/api/v1/models/{MODEL}/claims"


@dataclass
class Bench:
    """What people with tokens do."""

    app: FastAPI
    client: httpx.AsyncClient
    people: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)

    async def join(self, name: str, *, is_admin: bool = False) -> None:
        database = self.app.state.database
        self.people[name] = await make_user(database, name, is_admin=is_admin)
        self.headers[name] = bearer(await make_token(database, self.people[name], "write"))

    async def run(self, who: str, accuracy: float = 0.75, **change: Any) -> int:
        """Submit the recipe and let a worker measure this; return the job's number."""
        recipe = recipe_values("ada/base", "ada/data") | change
        answer = await self.client.post(
            "/api/v1/jobs", json={"recipe": recipe}, headers=self.headers[who]
        )
        assert answer.status_code == 201, answer.text
        worker = FakeWorker(self.client)
        assert await worker.claim()
        await worker.events({"kind": "RunStarted"}, {"kind": "RunFinished"})
        files = [
            await worker.store("model.safetensors", b"trained", "weights"),
            await worker.store("config.json", b'{"architecture": "timm/test_vit"}', "config"),
            await worker.store("README.md", CARD.encode(), "card"),
        ]
        ended = await worker.post("finish", {"result": result(accuracy), "artifacts": files})
        assert ended.json() == {"state": "succeeded"}
        return int(answer.json()["id"])

    async def publish(self, job_id: int, *, private: bool = False) -> None:
        body = {"owner": "ada", "name": "net", "private": private}
        address = f"/api/v1/jobs/{job_id}/publish"
        answer = await self.client.post(address, json=body, headers=self.headers["ada"])
        assert answer.status_code == 201, answer.text

    async def claims(self, who: str = "") -> dict[str, dict[str, Any]]:
        """Return the claims by their kind."""
        answer = await self.client.get(API, headers=self.headers.get(who, {}))
        assert answer.status_code == 200, answer.text
        return {one["kind"]: one for one in answer.json()["claims"]}

    async def review(self, who: str, kind: str, **body: Any) -> httpx.Response:
        key = (await self.claims(who))[kind]["key"]
        return await self.client.put(f"{API}/{key}/review", json=body, headers=self.headers[who])

    async def confirm(self, who: str, kind: str, job_id: int, **more: Any) -> httpx.Response:
        return await self.review(who, kind, verdict="confirmed", job_id=job_id, **more)


@pytest.fixture
async def bench(app: FastAPI, client: httpx.AsyncClient) -> Bench:
    """ada/net was published from a job; eve and bob look on."""
    made = Bench(app, client)
    for name in ("ada", "eve", "bob"):
        await made.join(name)
    await make_base(app, made.people["ada"])
    await make_data(app, made.people["ada"])
    await made.publish(await made.run("ada"))
    return made
