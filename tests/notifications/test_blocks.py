"""Blocking somebody: what reaches the blocker no more, and where the blocked are kept out."""

import io
import zipfile

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.questions import service as questions
from app.tutorials.schemas import TutorialText
from app.tutorials.service.publishing import add_version
from app.tutorials.tables import Tutorial
from tests.factories.accounts import make_organization, sign_in
from tests.factories.hub import make_repository
from tests.notifications.conftest import News
from tests.questions.conftest import Board

API = "/api/v1/blocks"


async def block(news: News, who: str, name: str, status: int = 204) -> httpx.Response:
    answer = await news.client.put(f"{API}/{name}", headers=news.headers[who])
    assert answer.status_code == status, answer.text
    return answer


@pytest.fixture
async def asked(news: News) -> Board:
    board = Board(news.client, news.database, news.people, news.headers)
    async with news.database.transaction() as db:
        await questions.plant_tags(db)
    return board


async def page(news: News, path: str, who: str) -> str:
    headers = {**news.headers[who], "Accept": "text/html"}
    answer = await news.client.get(path, headers=headers, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_the_blocked_open_nothing_say_nothing_and_like_nothing_of_the_blockers(
    news: News,
) -> None:
    num = await news.discuss("eve")
    await block(news, "ada", "eve")
    said = {"comment": "Me again"}
    opened = {"title": "Why?", "description": "Words", "pullRequest": False}
    refused = [
        await news.post(f"/discussions/{num}/comment", said, "eve"),
        await news.post("/discussions", opened, "eve"),
        await news.post("/like", None, "eve"),
        await news.client.post(
            f"/ada/net/discussions/{num}/comment", data=said, headers=news.headers["eve"]
        ),
    ]
    assert [answer.status_code for answer in refused] == [403] * 4
    assert "has blocked you" in refused[0].text
    assert (await news.post(f"/discussions/{num}/comment", said, "bob")).status_code == 200


async def test_under_a_tutorial_of_the_blockers_the_blocked_write_nothing(news: News) -> None:
    async with news.database.transaction() as db:
        tutorial = Tutorial(slug="freezing", owner_id=news.people["ada"].id)
        db.add(tutorial)
        await db.flush()
        await add_version(db, tutorial, TutorialText("en", "Freezing", "How.", "Words."))
    await block(news, "ada", "eve")
    url = "/tutorials/freezing/comments"
    for who, status in (("eve", 403), ("bob", 303)):
        answer = await news.client.post(url, data={"comment": "Hm"}, headers=news.headers[who])
        assert answer.status_code == status, answer.text


async def test_what_an_organisation_owns_is_nobodys_alone(news: News) -> None:
    house = await make_organization(news.database, news.people["ada"], "engines")
    await make_repository(news.database, news.storage, house, "motor")
    await block(news, "ada", "eve")
    new = {"title": "Why?", "description": "Words", "pullRequest": False}
    url = "/api/models/engines/motor/discussions"
    answer = await news.client.post(url, json=new, headers=news.headers["eve"])
    assert answer.status_code == 200, answer.text
    assert await news.told("ada") == []


async def test_the_blocked_still_answer_and_the_blocker_is_told_nothing_and_finds_it_folded(
    news: News, asked: Board
) -> None:
    question = await asked.ask("ada")
    await block(news, "ada", "eve")
    answer = await asked.answer(question["id"], "eve", "Use dropout, @ada.")
    await asked.send("POST", f"/posts/{answer}/remarks", "eve", {"body": "Really."})
    await asked.answer(question["id"], "bob", "Use less of it.")
    assert await news.told("ada") == [("answered", "answer", "author")]
    assert any("you blocked who did it" in line for line in await news.why("ada"))
    url = f"/questions/{question['id']}"
    seen = await page(news, url, "ada")
    assert seen.count('<details class="folded">') == 2
    assert seen.count("eve, whom you block, wrote this") == 2
    assert 'class="folded"' not in await page(news, url, "bob")


async def test_a_block_is_listed_taken_back_and_told_to_nobody_else(
    news: News, app: FastAPI
) -> None:
    await news.client.put("/api/v1/blocks/eve", headers=news.headers["ada"])
    listed = await news.client.get(API, headers=news.headers["ada"])
    assert [one["name"] for one in listed.json()] == ["eve"]
    assert (await news.client.get(API, headers=news.headers["eve"])).json() == []
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as browser:
        await sign_in(browser, "ada")
        assert "Unblock" in (await browser.get("/eve")).text
        assert ">eve<" in (await browser.get("/settings/blocked")).text
        mine = await browser.post("/settings/data/export")
        done = await browser.post("/settings/blocked/remove", data={"name": "eve"})
        assert done.headers["location"] == "/settings/blocked?saved=1"
        assert "You block nobody" in (await browser.get("/settings/blocked")).text
        await browser.post("/settings/blocked", data={"name": "Eve"})
        await browser.post("/logout")
        await sign_in(browser, "eve")
        theirs = await browser.post("/settings/data/export")
    with zipfile.ZipFile(io.BytesIO(mine.content)) as archive:
        assert "data/accounts_block.jsonl" in archive.namelist()
    with zipfile.ZipFile(io.BytesIO(theirs.content)) as archive:
        assert "data/accounts_block.jsonl" not in archive.namelist()


@pytest.mark.parametrize(("name", "status"), [("ada", 422), ("engines", 422), ("nobody", 404)])
async def test_who_can_not_be_blocked(news: News, name: str, status: int) -> None:
    await make_organization(news.database, news.people["ada"], "engines")
    await block(news, "ada", name, status)


async def test_moderators_are_kept_out_nowhere(news: News) -> None:
    num = await news.discuss("bob")
    async with news.database.transaction() as db:
        await db.execute(
            text("UPDATE accounts_user SET is_moderator = true WHERE account_id = :id"),
            {"id": news.people["eve"].id},
        )
    await block(news, "ada", "eve")
    await news.say(num, "Please stay friendly.", "eve")
