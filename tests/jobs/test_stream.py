"""The live stream over a real connection."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import Site
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.jobs import FakeWorker, make_base, make_data, recipe_values


class Watched:
    """A job on a site with an address, and its owner."""

    def __init__(self, site: Site, client: httpx.AsyncClient) -> None:
        self.site, self.client = site, client
        self.worker = FakeWorker(client)

    async def submit(self, app: FastAPI) -> "Watched":
        user = await make_user(app.state.database)
        self.headers = bearer(await make_token(app.state.database, user))
        recipe = recipe_values(await make_base(app, user), await make_data(app, user))
        answer = await self.client.post(
            "/api/v1/jobs", json={"recipe": recipe}, headers=self.headers
        )
        self.id = answer.json()["id"]
        return self

    async def read(self, after: str = "", stop_at: int = 10**9) -> list[dict[str, Any]]:
        """Return the events of one connection: until it ends, or `stop_at` was seen."""
        headers = self.headers | ({"Last-Event-ID": after} if after else {})
        address = f"/api/v1/jobs/{self.id}/events/stream"
        events = []
        async with self.client.stream("GET", address, headers=headers) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    events.append(json.loads(line.removeprefix("data: ")))
                    if events[-1]["seq"] >= stop_at:
                        break
        return events

    async def report(self, number: int) -> None:
        event = {"kind": "LogWritten", "lines": [f"line {number}"]}
        answer = await self.worker.events(event, start=number)
        assert answer.status_code == 200


@pytest.fixture
async def watched(site: Site, app: FastAPI) -> AsyncIterator[Watched]:
    async with httpx.AsyncClient(base_url=site.url, timeout=30) as client:
        yield await Watched(site, client).submit(app)


async def test_a_reader_sees_every_event_live_and_the_stream_ends_with_the_job(
    watched: Watched,
) -> None:
    reading = asyncio.create_task(watched.read())
    await watched.worker.claim()
    for number in range(1, 6):
        await watched.report(number)
    await watched.worker.post("finish", {"result": {}})
    events = await reading
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [event["kind"] for event in events] == [
        "JobQueued",
        "AttemptStarted",
        *["LogWritten"] * 5,
        "JobEnded",
    ]
    assert events[-1]["payload"]["state"] == "succeeded"


async def test_a_reader_that_comes_back_neither_misses_nor_repeats(watched: Watched) -> None:
    await watched.worker.claim()
    for number in range(1, 4):
        await watched.report(number)
    events = await watched.read(stop_at=3)
    for number in range(4, 8):
        await watched.report(number)
    events += await watched.read(after=str(events[-1]["seq"]), stop_at=7)
    await watched.worker.post("fail", {"failure": {"code": "DIVERGED"}})
    events += await watched.read(after=str(events[-1]["seq"]))
    assert [event["seq"] for event in events] == list(range(1, 11))


async def test_a_reader_of_an_ended_job_is_told_to_stop_asking(watched: Watched) -> None:
    await watched.client.post(f"/api/v1/jobs/{watched.id}/cancel", headers=watched.headers)
    events = await watched.read()
    assert events[-1]["kind"] == "JobEnded"
    again = await watched.client.get(
        f"/api/v1/jobs/{watched.id}/events/stream?after={events[-1]['seq']}",
        headers=watched.headers,
    )
    assert again.status_code == 204


async def test_many_readers_see_the_same(watched: Watched) -> None:
    readers = [asyncio.create_task(watched.read()) for _number in range(20)]
    await watched.worker.claim()
    for number in range(1, 4):
        await watched.report(number)
    await watched.worker.post("finish", {"result": {}})
    seen = await asyncio.gather(*readers)
    assert all(events == seen[0] for events in seen)
