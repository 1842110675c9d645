"""Sweeps are private, bounded, can be stopped, and survive the loss of a worker."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.jobs.service import attempts
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.jobs import FakeWorker
from tests.sweeps.crew import LR, Crew, epoch_event, lr_search


async def test_strangers_see_neither_a_sweep_nor_that_there_is_one(crew: Crew) -> None:
    number = await crew.begin(search=lr_search())
    database = crew.app.state.database
    stranger = bearer(await make_token(database, await make_user(database)))
    for method, path in (
        ("GET", ""),
        ("GET", "/trials"),
        ("POST", "/cancel"),
        ("POST", "/pause"),
        ("POST", "/resume"),
    ):
        address = f"/api/v1/sweeps/{number}{path}"
        answer = await crew.client.request(method, address, headers=stranger)
        assert answer.status_code == 404, (method, path)
    listed = await crew.client.get("/api/v1/sweeps", headers=stranger)
    assert listed.json()["items"] == []
    assert (await crew.client.get(f"/api/v1/sweeps/{number}")).status_code == 404


async def test_a_sweep_over_somebody_elses_private_data_is_refused(
    app: FastAPI, client: httpx.AsyncClient, crew: Crew
) -> None:
    other = await Crew(app, client).arrive(private=True)
    recipe = crew.recipe(search=lr_search())
    recipe["data"]["train"]["repo"] = other.data
    answer = await crew.post("", {"recipe": recipe})
    assert answer.status_code == 404


async def test_a_lost_worker_doubles_no_trial(crew: Crew) -> None:
    number = await crew.begin(search=lr_search(n_trials=2))
    await crew.turn()
    lost = FakeWorker(crew.client)
    assert await lost.claim()
    await lost.events({"kind": "RunStarted"}, epoch_event(1, 0.5))
    await expire_lease(crew, lost.claimed["job_id"])
    await crew.turn()
    sweep = await crew.work(number)
    trials = await crew.get(f"/{number}/trials")
    assert sweep["state"] == "succeeded"
    assert [trial["point"] for trial in trials] == [1, 2]
    assert all(len(trial["curve"]) == 2 for trial in trials)
    assert sorted(crew.claimed) == sorted(trial["job_id"] for trial in trials)


async def expire_lease(crew: Crew, job_id: int) -> None:
    """Let the lease of a job be over, and the site notice."""
    async with crew.app.state.database.transaction() as db:
        statement = "UPDATE jobs_job SET lease_until = clock_timestamp() - interval '1 hour'"
        await db.execute(text(f"{statement} WHERE id = :id"), {"id": job_id})
        await attempts.take_back_lost(db)


async def test_two_processes_that_look_at_once_begin_each_trial_once(crew: Crew) -> None:
    number = await crew.begin(search=lr_search(max_concurrent_trials=3))
    await asyncio.gather(*(crew.turn() for _process in range(4)))
    assert len(await crew.get(f"/{number}/trials")) == 3


async def test_a_paused_sweep_begins_nothing_until_it_goes_on(crew: Crew) -> None:
    number = await crew.begin(search=lr_search(n_trials=3))
    assert (await crew.post(f"/{number}/pause")).status_code == 202
    await crew.turn()
    assert await crew.get(f"/{number}/trials") == []
    assert (await crew.post(f"/{number}/resume")).json()["state"] == "running"
    assert (await crew.work(number))["state"] == "succeeded"


async def test_a_cancelled_sweep_takes_its_trials_with_it(crew: Crew) -> None:
    number = await crew.begin(search=lr_search())
    await crew.turn()
    answer = await crew.post(f"/{number}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (202, "cancelled")
    trials = await crew.get(f"/{number}/trials")
    assert {trial["state"] for trial in trials} == {"cancelled"}
    assert (await crew.post(f"/{number}/resume")).status_code == 409


async def test_a_person_has_a_few_open_sweeps_at_most(crew: Crew) -> None:
    for _sweep in range(5):
        await crew.begin(search=lr_search())
    answer = await crew.submit(search=lr_search())
    assert answer.status_code == 429
    assert answer.json()["code"] == "too_many_sweeps"


async def test_trials_that_all_fail_end_the_sweep_with_their_reason(crew: Crew) -> None:
    number = await crew.begin(search=lr_search())
    failure = {"code": "OUT_OF_MEMORY", "sentence": "The memory was not enough.", "fix": ""}
    for _trial in range(3):
        await crew.turn()
        worker = FakeWorker(crew.client)
        assert await worker.claim()
        await worker.events({"kind": "RunStarted"})
        answer = await worker.post("fail", {"failure": failure})
        assert answer.status_code == 200, answer.text
    await crew.turn()
    sweep = await crew.get(f"/{number}")
    assert (sweep["state"], sweep["reason"]) == ("failed", "The memory was not enough.")


@pytest.mark.parametrize(
    ("blocks", "path", "said"),
    [
        ({}, "", "needs search"),
        ({"search": {"space": {"train.batch": {"int": [1, 2]}}}}, "train.batch", "no 'batch'"),
        ({"search": {"space": {LR: {"float": [0.1, 20]}}}}, LR, "does not fit"),
        ({"search": {"space": {"data.train.repo": {"choice": ["a", "b"]}}}}, "", "comparable"),
        ({"search": lr_search(metric="eval/map")}, "search.metric", "does not measure"),
        ({"search": lr_search(sampler="best")}, "search.sampler", "Input should be"),
    ],
)
async def test_what_cannot_be_searched_is_refused_with_the_place(
    crew: Crew, blocks: dict[str, Any], path: str, said: str
) -> None:
    answer = await crew.submit(**blocks)
    assert answer.status_code == 422
    (detail,) = answer.json()["details"]
    assert path in detail["path"]
    assert said in detail["message"]
