"""The bell and the wake-ups over a real Valkey, and without one."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from redis.asyncio import Redis

from app.core.queue import Doorbell
from app.core.settings import Settings
from app.core.wakeups import Wakeups
from app.embedded.valkey import EmbeddedValkey
from app.main import create_app
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.jobs import make_base, make_data, recipe_values

NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = EmbeddedValkey(tmp_path_factory.mktemp("valkey"), durable=False)
    yield server.start()
    server.stop()


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[Wakeups]:
    wakeups = Wakeups(url)
    running = asyncio.create_task(wakeups.run())
    # It wakes all listeners of its own once it is connected.
    with wakeups.listen("anything") as listener:
        await listener.wait(10)
    yield wakeups
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_ring_carries_the_name_of_a_queue_and_nothing_else(valkey: str) -> None:
    doorbell = Doorbell(valkey)
    doorbell.ring("cpu")
    await doorbell.close()
    async with Redis.from_url(valkey) as redis:
        (raw,) = await redis.lrange("cpu", 0, -1)
        await redis.flushall()
    message = json.loads(raw)
    assert message["headers"]["task"] == "tuningfork.ring"
    assert message["headers"]["expires"] is not None
    _args, kwargs, _options = json.loads(base64.b64decode(message["body"]))
    assert kwargs == {"queue": "cpu"}


async def test_rings_of_one_queue_are_not_heaped_up(valkey: str) -> None:
    doorbell = Doorbell(valkey)
    for _number in range(50):
        doorbell.ring("gpu")
    await doorbell.close()
    async with Redis.from_url(valkey) as redis:
        assert await redis.llen("gpu") == 1
        await redis.flushall()


async def test_a_wakeup_reaches_another_process(valkey: str) -> None:
    async with listening(valkey) as one, listening(valkey) as other:
        with other.listen("job:1") as listener:
            waiting = asyncio.create_task(listener.wait(60))
            await asyncio.sleep(0)
            one.wake("job:1")
            async with asyncio.timeout(10):
                await waiting


async def test_wakeups_work_within_a_process_without_valkey() -> None:
    wakeups = Wakeups("")
    with wakeups.listen("job:1") as listener:
        wakeups.wake("job:1")
        async with asyncio.timeout(1):
            await listener.wait(60)


async def test_a_broker_that_is_away_fails_no_submission(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"broker_url": NOBODY}))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        user = await make_user(app.state.database)
        headers = bearer(await make_token(app.state.database, user))
        recipe = recipe_values(await make_base(app, user), await make_data(app, user))
        answer = await client.post("/api/v1/jobs", json={"recipe": recipe}, headers=headers)
    assert answer.status_code == 201
    await app.state.doorbell.close()
    await app.state.database.close()
