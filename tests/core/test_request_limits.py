"""How many requests somebody may send, what every answer says of it, and who counts together."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from huggingface_hub.utils import parse_ratelimit_headers
from redis.asyncio import Redis

from app.core.db import Database
from app.core.request_limits import Buckets, exchange
from app.core.settings import Settings
from app.embedded.valkey import EmbeddedValkey
from tests.factories.accounts import bearer, make_token, make_user


@pytest.fixture
async def settings(settings: Settings) -> Settings:
    few = {"requests_api": 8, "requests_api_visitor": 3, "requests_pages_visitor": 3}
    return settings.model_copy(update={**few, "requests_jobs": 2})


API = "/api/v1/moderation/log"


async def test_every_answer_says_how_many_are_left_as_hugging_face_clients_read_it(
    client: httpx.AsyncClient,
) -> None:
    found = [parse_ratelimit_headers((await client.get(API)).headers) for _ in range(2)]
    missing = await client.get("/api/models/no/where")
    assert [one.remaining for one in found if one] == [2, 1]
    assert found[0] is not None
    assert (found[0].resource_type, found[0].limit, found[0].window_seconds) == ("api", 3, 300)
    assert 0 < found[0].reset_in_seconds <= 301
    assert "r=0" in missing.headers["ratelimit"]


async def test_beyond_the_limit_the_answer_says_when_to_come_back(
    client: httpx.AsyncClient,
) -> None:
    answers = [await client.get(API) for _ in range(4)]
    last = answers[-1]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 0 < int(last.headers["retry-after"]) <= 301
    assert (last.json()["code"], last.headers["x-error-code"]) == ("rate_limited", "rate_limited")


async def test_pages_and_files_are_counted_apart_and_what_the_site_needs_not_at_all(
    client: httpx.AsyncClient,
) -> None:
    for _ in range(4):
        await client.get(API)
    page = await client.get("/moderation/log")
    file = await client.get("/no/where/resolve/main/x")
    health = await client.get("/healthz")
    assert (page.status_code, file.status_code, health.status_code) == (200, 401, 200)
    assert page.headers["ratelimit"].startswith('"pages"')
    assert file.headers["ratelimit"].startswith('"resolvers"')
    assert "ratelimit" not in health.headers


async def test_a_person_has_a_bucket_of_their_own_whichever_token_they_use(
    client: httpx.AsyncClient, database: Database
) -> None:
    ada = await make_user(database, "ada")
    tokens = [bearer(await make_token(database, ada, "all")) for _ in range(2)]
    for token in tokens:
        await client.get("/api/v1/me", headers=token)  # counted as the address: not known yet
    own = [await client.get("/api/v1/me", headers=tokens[n % 2]) for n in range(9)]
    assert [answer.status_code for answer in own] == [200] * 8 + [429]


async def test_tokens_that_are_made_up_all_count_for_the_address(
    client: httpx.AsyncClient,
) -> None:
    answers = [
        await client.get("/api/v1/me", headers={"Authorization": f"Bearer tf_{n}"})
        for n in range(4)
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]


async def test_submissions_of_jobs_have_a_bucket_of_their_own(client: httpx.AsyncClient) -> None:
    answers = [await client.post("/api/v1/jobs", json={}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[0].headers["ratelimit"].startswith('"jobs"')


async def test_a_request_costs_no_read_of_the_database(app: FastAPI) -> None:
    buckets: Buckets = app.state.buckets
    before = asyncio.get_running_loop().time()
    for number in range(10_000):
        buckets.take(f"api:person {number % 50}", 100_000, 1.0)
    assert asyncio.get_running_loop().time() - before < 1.0


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = EmbeddedValkey(tmp_path_factory.mktemp("valkey"), durable=False)
    yield server.start()
    server.stop()


async def test_the_processes_of_a_site_count_together(valkey: str) -> None:
    here, there = Buckets(), Buckets()
    async with Redis.from_url(valkey) as client:
        for process, times in ((here, 3), (there, 4)):
            for _ in range(times):
                process.take("api:user 1", 100, 1.0)
            await exchange(process, client)
        here.take("api:user 1", 100, 1.0)
        await exchange(here, client)
    assert (here.take("api:user 1", 100, 1.0).total, there.by_key["api:user 1"].total) == (9, 7)
