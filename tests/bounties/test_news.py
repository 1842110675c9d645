"""Who is told of a bounty, where it is found, and what stays of who leaves."""

import io
import zipfile

from fastapi import FastAPI

from app.notifications.background import tell_waiting
from app.search import service as search
from tests.bounties.conftest import Market
from tests.factories.accounts import bearer, make_token, sign_in


async def _told(market: Market, app: FastAPI, who: str) -> list[tuple[str, str]]:
    await tell_waiting(market.database, app.state.wakeups)
    token = await make_token(market.database, market.people[who], "all")
    answer = await market.client.get("/api/v1/notifications?state=all", headers=bearer(token))
    found = answer.json()["items"]
    return [(one["what"], one["kind"]) for one in reversed(found)]


async def test_asker_answerers_and_winner_are_told(market: Market, app: FastAPI) -> None:
    question = await market.asked()
    answer = await market.answer(question, "bob")
    await market.offer(question)
    await market.award(question, answer)
    assert ("bounty_begun", "reward") in await _told(market, app, "ada")
    assert await _told(market, app, "bob") == [
        ("bounty_begun", "reward"),
        ("bounty_won", "reward"),
    ]
    assert await _told(market, app, "eve") == []


async def test_the_giver_is_told_once_to_award_and_when_nobody_won(
    market: Market, app: FastAPI
) -> None:
    question = await market.asked()
    await market.offer(question)
    await market.go_on(days=7.2)
    await market.go_on(minutes=1)
    assert await _told(market, app, "eve") == [("bounty_ends", "reward")]
    await market.go_on(days=1)
    assert await _told(market, app, "eve") == [
        ("bounty_ends", "reward"),
        ("bounty_over", "reward"),
    ]


async def test_the_search_finds_questions_whose_bounty_can_be_won(
    market: Market, app: FastAPI
) -> None:
    question = await market.asked()
    answer = await market.answer(question, "bob")
    await market.offer(question)
    await search.catch_up(market.database, app.state.storage)
    found = (await market.send("GET", "/search?q=is:bounty")).json()["hits"]
    await market.award(question, answer)
    await search.catch_up(market.database, app.state.storage)
    later = (await market.send("GET", "/search?q=is:bounty")).json()["hits"]
    assert {one["url"].split("/")[2] for one in found} == {str(question)}
    assert later == []


async def test_the_export_holds_ones_bounties_and_lines(market: Market) -> None:
    question = await market.asked()
    await market.offer(question)
    await sign_in(market.client, "eve")
    answer = await market.client.post("/settings/data/export")
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert {"data/bounties_bounty.jsonl", "data/ledger_line.jsonl"} <= set(names)
