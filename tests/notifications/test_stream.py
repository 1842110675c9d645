"""`/events`: the bell's stream, over a real server."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import httpx

from app.notifications.service import streams
from tests.conftest import Site
from tests.factories.accounts import bearer, make_token, make_user, sign_in
from tests.factories.hub import make_repository


async def _counts(answer: httpx.Response) -> AsyncIterator[int]:
    async for line in answer.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line[6:])["unread"]


async def _prepared(site: Site, client: httpx.AsyncClient) -> dict[str, str]:
    """ada with a repository, signed in on `client`; return eve's header."""
    database = site.app.state.database
    ada, eve = await make_user(database, "ada"), await make_user(database, "eve")
    await make_repository(database, site.app.state.storage, ada, "net")
    await sign_in(client, "ada")
    return bearer(await make_token(database, eve))


async def test_the_count_moves_within_two_seconds_and_the_stream_ends_with_the_session(
    site: Site,
) -> None:
    async with httpx.AsyncClient(base_url=site.url, timeout=10) as client:
        eve = await _prepared(site, client)
        async with client.stream("GET", "/events") as answer:
            told = _counts(answer)
            assert await anext(told) == 0
            began = time.monotonic()
            await client.post(
                "/api/models/ada/net/discussions",
                json={"title": "Why", "description": "@ada"},
                headers=eve,
            )
            assert await anext(told) == 1
            assert time.monotonic() - began < 2
            await client.post("/notifications", data={"action": "all-read"})
            assert await anext(told) == 0
            await client.post("/logout")
            assert [count async for count in told] == []
        assert (await client.get("/events")).status_code == 401


async def test_a_person_has_so_many_streams_and_not_more(site: Site) -> None:
    async with httpx.AsyncClient(base_url=site.url, timeout=10) as client:
        await _prepared(site, client)
        opened = [
            await client.send(client.build_request("GET", "/events"), stream=True)
            for _n in range(streams.MOST_OF_A_PERSON)
        ]
        read = [_counts(answer) for answer in opened]
        await asyncio.gather(*(anext(told) for told in read))
        refused = await client.get("/events")
        for answer in opened:
            await answer.aclose()
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "30")
