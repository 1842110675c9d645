"""Badges: earned by what people did, given once, shown where they are."""

import asyncio

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.accounts.service import Gone
from app.badges import service
from app.badges.schemas import Badge
from app.notifications.background import tell_waiting
from tests.bounties.conftest import Market, market
from tests.conftest import statements
from tests.factories.accounts import bearer, make_token

__all__ = ["market"]


async def earned(market: Market, who: str) -> list[str]:
    """Let the rules run, and return somebody's badges."""
    await service.give_all(market.database)
    found = (await market.send("GET", f"/people/{who}/badges")).json()
    return sorted(one["badge"] for one in found)


async def solve(market: Market) -> int:
    """Ada's question, solved by bob."""
    question = await market.asked()
    answer = await market.answer(question, "bob")
    accepted = await market.send("PUT", f"/posts/{answer}/accepted", "ada")
    assert accepted.status_code < 300, accepted.text
    return question


async def test_the_first_accepted_answer_earns_a_badge_once(market: Market) -> None:
    await solve(market)
    first = await earned(market, "bob")
    await solve(market)
    again = await earned(market, "bob")
    holders = (await market.send("GET", "/badges/first-solution")).json()["items"]
    assert first == again == ["first-solution"]
    assert [one["name"] for one in holders] == ["bob"]


async def test_rules_that_run_at_once_give_each_badge_once(market: Market) -> None:
    await solve(market)
    given = await asyncio.gather(*(service.give_all(market.database) for _ in range(4)))
    assert sum(given) == 1
    bob = (await market.client.get("/questions/by/bob")).text
    assert "0 gold, 0 silver, 1 bronze" in bob


async def test_of_several_processes_one_runs_the_rules_each_day(market: Market) -> None:
    await solve(market)
    ran = await asyncio.gather(*(service.run_tonight(market.database) for _ in range(3)))
    assert sorted(one for one in ran if one is not None) == [1]


@pytest.mark.parametrize(
    ("sums", "badges"),
    [
        ({"num_edits_approved": 1}, ["editor"]),
        ({"num_edits_approved": 10}, ["editor", "helpful-editor"]),
        ({"num_reports_helpful": 10}, ["watchful"]),
        ({"num_accepted": 50}, ["fifty-solutions", "first-solution"]),
        ({"num_accepted": 0}, []),
    ],
)
async def test_what_somebody_did_often_enough_earns_badges(
    market: Market, sums: dict[str, int], badges: list[str]
) -> None:
    await market.trust("dan", **sums)
    assert await earned(market, "dan") == badges


async def test_votes_earn_badges_and_hidden_posts_do_not(market: Market) -> None:
    question = await market.asked()
    body = (await market.read(question))["question"]["body_id"]
    answers = [await market.answer(question, "bob", f"Answer {n}") for n in range(11)]
    await market.write("UPDATE questions_post SET score = 3 WHERE NOT is_question")
    await market.write("UPDATE questions_post SET score = 25 WHERE comment_id = :n", n=answers[0])
    await market.write("UPDATE questions_question SET score = 3 WHERE id = :n", n=question)
    await market.client.post(f"/posts/{answers[0]}/hide", headers=market.headers["bob"])
    assert await earned(market, "bob") == ["ten-answers"]
    assert await earned(market, "ada") == ["good-question"]
    await market.client.post(f"/posts/{body}/hide", headers=market.headers["carol"])
    await market.write("DELETE FROM badges_award")
    assert await earned(market, "bob") == []


async def test_bounties_and_measured_answers_earn_badges(market: Market) -> None:
    question = await market.asked()
    answer = await market.answer(question, "bob")
    await market.offer(question)
    await market.award(question, answer)
    await market.write("UPDATE questions_post SET num_better = 1 WHERE comment_id = :n", n=answer)
    assert await earned(market, "bob") == ["bounty-won", "verified-answer"]
    assert await earned(market, "eve") == ["benefactor"]


async def test_who_is_suspended_is_shown_nowhere_and_earns_nothing(market: Market) -> None:
    await solve(market)
    await earned(market, "bob")
    await market.trust("bob", num_edits_approved=1)
    await market.write(
        "UPDATE accounts_user SET suspended_at = now() WHERE account_id = :n",
        n=market.people["bob"].id,
    )
    assert await earned(market, "bob") == []
    assert (await market.send("GET", "/badges/first-solution")).json()["items"] == []
    every = (await market.send("GET", "/badges")).json()
    numbers = {one["badge"]: one["num_people"] for one in every}
    assert numbers["first-solution"] == 0
    async with market.database.transaction() as db:
        assert await db.scalar(text("SELECT count(*) FROM badges_award")) == 1


async def test_who_leaves_takes_their_badges_along(market: Market) -> None:
    await solve(market)
    await earned(market, "bob")
    async with market.database.transaction() as db:
        gone = Gone(market.people["bob"].id, "bob", "deleted-2", "bob@example.org", True)
        await service.erase_person(db, gone)
    assert (await market.send("GET", "/badges/first-solution")).json()["items"] == []
    assert "bronze" not in (await market.client.get("/questions/by/bob")).text


async def test_who_earned_it_is_told(market: Market, app: FastAPI) -> None:
    await solve(market)
    await service.give_all(market.database)
    await tell_waiting(market.database, app.state.wakeups)
    token = await make_token(market.database, market.people["bob"], "all")
    found = await market.client.get("/api/v1/notifications?state=all", headers=bearer(token))
    item = found.json()["items"][0]
    assert (item["what"], item["kind"]) == ("badge", "reward")
    assert item["url"].endswith("/badges/first-solution")


async def test_pages_show_every_badge_who_has_it_and_those_of_a_person(
    market: Market, engine: AsyncEngine
) -> None:
    question = await solve(market)
    await service.give_all(market.database)
    pages = {}
    for path in ("/badges", "/badges/first-solution", "/badges/of/bob"):
        with statements(engine) as sent:
            pages[path] = await market.client.get(path, headers={"Accept-Language": "zh-CN"})
        assert len(sent) <= 12
        assert pages[path].status_code == 200, path
    shown = await market.client.get((await market.read(question))["question"]["url"])
    part = await market.client.get("/badges/of/bob", headers={"HX-Request": "true"})
    assert all("初次解答" in page.text for page in pages.values())
    assert 'href="/badges/of/bob"' in shown.text
    assert part.text.lstrip().startswith("<section")
    assert (await market.client.get("/badges/nothing")).status_code == 404
    assert (await market.client.get("/badges/of/nobody")).status_code == 404


async def test_the_list_of_holders_goes_on_where_its_page_ended(market: Market) -> None:
    for who in ("ada", "bob", "dan"):
        await market.trust(who, num_edits_approved=1)
    await service.give_all(market.database)
    first = (await market.send("GET", "/badges/editor?limit=2")).json()
    rest = await market.send("GET", f"/badges/editor?limit=2&cursor={first['next_cursor']}")
    names = [one["name"] for page in (first, rest.json()) for one in page["items"]]
    assert sorted(names) == ["ada", "bob", "dan"]
    assert rest.json()["next_cursor"] is None


async def test_every_badge_has_a_rule_that_runs(market: Market) -> None:
    async with market.database.transaction() as db:
        given = [await service.give(db, badge) for badge in Badge]
    assert given == [0] * len(Badge)
