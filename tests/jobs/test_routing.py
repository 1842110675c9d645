"""A job is given only to a worker that can run it."""

import httpx
import pytest
from fastapi import FastAPI

from tests.factories.accounts import AccountRef, bearer, make_token, make_user, sign_in
from tests.factories.jobs import FakeWorker, make_base, make_data, recipe_values

pytestmark = pytest.mark.usefixtures("app")
TWO_GPUS = {"gpus": [{"name": "one", "memory_bytes": 1}, {"name": "two", "memory_bytes": 1}]}


async def submit(
    app: FastAPI, client: httpx.AsyncClient, owner: AccountRef, **resources: object
) -> str:
    """Submit a job with these resources and return where its page is."""
    headers = bearer(await make_token(app.state.database, owner))
    recipe = recipe_values(await make_base(app, owner), await make_data(app, owner))
    body = {"recipe": {**recipe, "resources": resources}}
    answer = await client.post("/api/v1/jobs", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return f"/jobs/{answer.json()['id']}"


async def test_a_job_for_two_gpus_waits_for_a_worker_with_two(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    owner = await make_user(app.state.database)
    page = await submit(app, client, owner, device="cuda", processes=2)
    small = FakeWorker(client, capabilities={"gpus": TWO_GPUS["gpus"][:1]})
    assert not await small.claim(("gpu", "cpu"))
    await sign_in(client, owner.name)
    assert (
        "The job asks for 2 GPUs, and no connected worker has as many"
        in (await client.get(page)).text
    )
    assert await FakeWorker(client, capabilities=TWO_GPUS).claim(("gpu",))


async def test_a_job_for_three_cores_passes_over_a_worker_with_two(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    owner = await make_user(app.state.database)
    await submit(app, client, owner, device="cpu", processes=3)
    assert not await FakeWorker(client, capabilities={"cpu_count": 2}).claim()
    assert await FakeWorker(client, capabilities={"cpu_count": 4}).claim()


async def test_a_job_for_any_device_goes_where_as_many_are(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    await FakeWorker(client, capabilities={"gpus": TWO_GPUS["gpus"][:1]}).claim(("gpu",))
    owner = await make_user(app.state.database)
    await submit(app, client, owner, processes=2)
    assert not await FakeWorker(client, capabilities=TWO_GPUS).claim(("gpu",))
    assert await FakeWorker(client, capabilities={"cpu_count": 2}).claim(("cpu",))
