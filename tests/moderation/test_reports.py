"""Reports: who may, how often, what enough of them do, and what becomes of them."""

import asyncio

import pytest

from app.core.db import Database
from app.search import service as search
from tests.moderation.conftest import API, Town

HELD = "This comment has been hidden"


async def test_three_reports_hold_a_newcomers_post(town: Town) -> None:
    num, number = await town.held_by_three()
    assert await town.words(num) == ["Words", HELD]
    assert await town.words(num, "bob") == ["Words", HELD]
    others = await town.page(f"/ada/net/discussions/{num}", "bob")
    assert "Buy my thing" not in others
    assert "moderators keep this" in others
    for who in ("nik", "mia"):
        assert "Buy my thing" in await town.page(f"/ada/net/discussions/{num}", who)
    (item,) = await town.items()
    assert (item["subject_id"], item["text"], item["is_held"]) == (number, "Buy my thing", True)
    assert set(item["causes"]) == {"flag", "held"}


async def test_a_tutorial_is_reported_hidden_and_let_stand_again(town: Town) -> None:
    number = await town.teach("nik", "cheap-things", "Buy my thing")
    await town.teach("ada", "good-things", "Words")
    assert f"/moderation/report/tutorial/{number}" in await town.page(
        "/tutorials/cheap-things", "bob"
    )
    answer = await town.report(number, "bob", subject="tutorial")
    assert answer.status_code == 201, answer.text
    (item,) = await town.items(query="?subject=tutorial")
    assert (item["address"], item["author"]) == ("/tutorials/cheap-things", "nik")
    assert "Buy my thing" in item["text"]
    assert (await town.decide(item["id"], "agree")).status_code == 200
    assert (await town.get("/tutorials/cheap-things", "bob")).status_code == 404
    assert "cheap-things" not in await town.page("/tutorials")
    assert "good-things" in await town.page("/tutorials")
    assert "keep this tutorial back" in await town.page("/tutorials/cheap-things", "nik")
    assert (await town.report(number, "eve", subject="tutorial")).status_code == 404
    (act,) = (await town.get("/api/v1/moderation/log")).json()["acts"]
    appeal = await town.post(f"/api/v1/appeals/{act['id']}", {"words": "It is useful."}, "nik")
    granted = {"granted": True, "answer": "It is."}
    url = f"/api/v1/moderation/appeals/{appeal.json()['id']}"
    assert (await town.post(url, granted, "max")).status_code == 200
    assert (await town.get("/tutorials/cheap-things", "bob")).status_code == 200


async def test_two_reports_hold_nothing(town: Town) -> None:
    num = await town.discuss("ada")
    number = await town.comment(num, "Buy my thing", "nik")
    for who in ("bob", "eve"):
        await town.report(number, who)
    assert await town.words(num) == ["Words", "Buy my thing"]


async def test_many_reports_do_not_hold_what_the_house_writes(town: Town) -> None:
    num = await town.discuss("ruth", words="Rules of this house")
    number = await town.comment(num, "Be kind", "ruth")
    for who in ("bob", "eve", "joe", "nik"):
        await town.report(number, who)
    assert await town.words(num) == ["Rules of this house", "Be kind"]


async def test_to_disagree_restores_the_post_and_everybody_sees_the_result(town: Town) -> None:
    num, _number = await town.held_by_three()
    (item,) = await town.items()
    decided = await town.decide(item["id"], "disagree")
    assert decided.status_code == 200, decided.text
    assert await town.words(num) == ["Words", "Buy my thing"]
    report = (await town.get("/api/v1/reports", "bob")).json()["reports"][0]
    assert report["outcome"] == "disagreed"
    assert "did not agree" in await town.page("/settings/reports", "bob")
    assert await town.items() == []


async def test_to_agree_keeps_it_hidden_and_tells_the_author_why(town: Town) -> None:
    num, _number = await town.held_by_three()
    (item,) = await town.items()
    await town.decide(item["id"], "agree", reason="Advertising is not wanted.")
    assert await town.words(num) == ["Words", HELD]
    assert "Advertising is not wanted." in await town.page("/settings/standing", "nik")
    report = (await town.get("/api/v1/reports", "eve")).json()["reports"][0]
    assert report["outcome"] == "agreed"


async def test_a_held_topic_takes_its_title_along(town: Town) -> None:
    num = await town.discuss("nik", "Cheap watches", "Buy them")
    page = await town.page(f"/ada/net/discussions/{num}", "mia")
    number = int(page.split('id="comment-')[1].split('"')[0])
    for who in ("bob", "eve", "joe"):
        await town.report(number, who)
    told = await town.get(f"{API}/discussions")
    listed = await town.page("/ada/net/discussions", "bob")
    shown = await town.page("/ada/net/discussions", "mia")
    assert "Cheap watches" not in told.text
    assert "Cheap watches" not in listed
    assert "Cheap watches" in shown


async def test_what_is_held_is_not_found_and_is_found_again(town: Town, database: Database) -> None:
    async def found() -> int:
        await search.catch_up(database, town.storage)
        answer = await town.get("/api/v1/search?q=zyzzyva")
        return int(answer.json()["total"])

    num = await town.discuss("ada")
    number = await town.comment(num, "The zyzzyva is a weevil", "nik")
    assert await found() == 1
    for who in ("bob", "eve", "joe"):
        await town.report(number, who)
    assert await found() == 0
    (item,) = await town.items()
    await town.decide(item["id"], "disagree")
    assert await found() == 1


async def test_the_title_of_a_held_topic_is_not_found(town: Town, database: Database) -> None:
    await town.discuss("nik", "Zyzzyva for sale", "Buy it")
    await search.catch_up(database, town.storage)
    number = 1
    for who in ("bob", "eve", "joe"):
        assert (await town.report(number, who)).status_code == 201
    await search.catch_up(database, town.storage)
    assert (await town.get("/api/v1/search?q=zyzzyva")).json()["total"] == 0


async def test_one_person_reports_a_post_once_and_their_own_never(town: Town) -> None:
    num = await town.discuss("ada")
    number = await town.comment(num, "Hm", "nik")
    answers = await asyncio.gather(*(town.report(number, "bob") for _ in range(3)))
    own = await town.report(number, "nik")
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert own.status_code == 403
    assert (await town.items())[0]["num_reports"] == 1


async def test_something_else_needs_words(town: Town) -> None:
    num = await town.discuss("ada")
    number = await town.comment(num, "Hm", "nik")
    refused = await town.report(number, "bob", reason="other")
    taken = await town.report(number, "bob", reason="other", words="It is odd.")
    assert (refused.status_code, taken.status_code) == (422, 201)


async def test_what_one_may_not_see_one_can_not_report(town: Town) -> None:
    num = await town.discuss("ada")
    number = await town.comment(num, "Secret", "ada")
    private = {"private": True}
    await town.client.put(f"{API}/settings", json=private, headers=town.headers["ada"])
    hidden = await town.report(number, "bob")
    missing = await town.report(987_654, "bob")
    repository = await town.report(town.repository.id, "bob", subject="repository")
    assert hidden.status_code == missing.status_code == repository.status_code == 404
    assert hidden.json()["error"] == missing.json()["error"] == repository.json()["error"]
    assert (await town.report(number, "")).status_code == 401


async def test_who_was_right_before_weighs_more_than_who_was_wrong(town: Town) -> None:
    num = await town.discuss("ada")
    for number_of in range(3):
        right = await town.comment(num, f"Bad {number_of}", "nik")
        wrong = await town.comment(num, f"Good {number_of}", "nik")
        await town.report(right, "bob")
        await town.report(wrong, "eve")
        for item in await town.items():
            verdict = "agree" if item["subject_id"] == right else "disagree"
            await town.decide(item["id"], verdict, fate="leave" if verdict == "agree" else "hide")
    last = await town.comment(num, "One more", "nik")
    await town.report(last, "bob")
    await town.report(last, "eve")
    (item,) = await town.items()
    detail = (await town.get(f"/api/v1/moderation/items/{item['id']}", "mia")).json()
    weights = {one["by"]: one["weight"] for one in detail["reports"]}
    assert weights["bob"] > 1 > weights["eve"]


@pytest.mark.parametrize("subject", ["repository", "account"])
async def test_repositories_and_accounts_are_reported_by_a_form(town: Town, subject: str) -> None:
    number = town.repository.id if subject == "repository" else town.people["ada"].id
    page = await town.page(f"/moderation/report/{subject}/{number}", "bob")
    assert "Report to the moderators" in page
    sent = await town.form(f"/moderation/report/{subject}/{number}", {"reason": "copyright"}, "bob")
    (item,) = await town.items("mia", f"?subject={subject}")
    assert sent.headers["location"] == "/settings/reports?saved=1"
    assert (item["subject"], item["author"]) == (subject, "ada")
