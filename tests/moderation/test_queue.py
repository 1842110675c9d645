"""The queue: who sees it, who works on what, and what a decision does."""

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.db import Database
from tests.conftest import statements
from tests.factories.accounts import sign_in
from tests.moderation.conftest import API, Town


async def test_only_moderators_see_the_queue(town: Town) -> None:
    answers = [
        await town.get("/api/v1/moderation/items", who) for who in ("", "bob", "mia", "ruth")
    ]
    assert [answer.status_code for answer in answers] == [401, 403, 200, 200]
    assert (await town.get("/moderation", "bob")).status_code == 403


async def test_a_moderator_of_a_browser_reads_and_decides_with_plain_forms(town: Town) -> None:
    num, _number = await town.held_by_three()
    await sign_in(town.client, "mia")
    queue = await town.client.get("/moderation")
    (item,) = await town.items()
    page = await town.client.get(f"/moderation/items/{item['id']}")
    claimed = await town.client.post(f"/moderation/items/{item['id']}/claim")
    empty = {"verdict": "agree", "fate": "hide", "penalty": "none", "days": "7"}
    refused = await town.client.post(f"/moderation/items/{item['id']}/decide", data=empty)
    sent = await town.client.post(
        f"/moderation/items/{item['id']}/decide", data={**empty, "reason": "Spam."}
    )
    assert "Buy my thing" in queue.text
    assert "Buy my thing" in page.text
    assert claimed.status_code == 303
    assert refused.status_code == 422
    assert "Say why" in refused.text
    assert sent.headers["location"] == "/moderation?decided=1"
    assert "Buy my thing" not in (await town.get(f"{API}/discussions/{num}")).text


async def test_two_moderators_can_not_act_on_one_thing(town: Town, database: Database) -> None:
    await town.held_by_three()
    (item,) = await town.items()
    number = item["id"]
    claimed = await town.post(f"/api/v1/moderation/items/{number}/claim", None, "mia")
    other = await town.decide(number, "agree", "max")
    page = await town.page(f"/moderation/items/{number}", "max")
    assert claimed.json()["claimed_by"] == "mia"
    assert (other.status_code, other.json()["code"]) == (409, "claimed")
    assert "mia" in other.json()["error"]
    assert "mia works on this" in page
    async with database.transaction() as db:
        await db.execute(text("UPDATE moderation_item SET claimed_until = now() - interval '1 s'"))
    assert (await town.decide(number, "agree", "max")).status_code == 200


async def test_of_many_decisions_at_once_one_counts(town: Town) -> None:
    await town.held_by_three()
    (item,) = await town.items()
    answers = await asyncio.gather(
        *(town.decide(item["id"], "disagree", who) for who in ("mia", "max", "ruth"))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]


async def test_what_is_given_back_another_may_take(town: Town) -> None:
    await town.held_by_three()
    (item,) = await town.items()
    url = f"/api/v1/moderation/items/{item['id']}"
    await town.post(f"{url}/claim", None, "mia")
    foreign = await town.post(f"{url}/release", None, "max")
    await town.post(f"{url}/release", None, "mia")
    taken = await town.post(f"{url}/claim", None, "max")
    assert (foreign.status_code, taken.status_code) == (409, 200)


async def test_a_held_post_is_not_left_without_a_decision(town: Town) -> None:
    await town.held_by_three()
    (item,) = await town.items()
    assert (await town.decide(item["id"], "ignore")).status_code == 409
    assert (await town.decide(item["id"], "agree")).status_code == 200


async def test_to_agree_may_silence_the_author_and_remembers_the_report(
    town: Town, database: Database
) -> None:
    num, _number = await town.held_by_three()
    (item,) = await town.items()
    await town.decide(item["id"], "agree", penalty="silence", days=30)
    answer = await town.post(f"{API}/discussions/{num}/comment", {"comment": "But"}, "nik")
    async with database.transaction() as db:
        report = await db.scalar(text("SELECT report_id FROM accounts_standing"))
    assert (answer.status_code, report) == (403, item["id"])


async def test_erased_words_are_gone_for_moderators_too(town: Town) -> None:
    num, _number = await town.held_by_three()
    (item,) = await town.items()
    await town.decide(item["id"], "agree", fate="erase")
    assert "Buy my thing" not in await town.page(f"/ada/net/discussions/{num}", "mia")


async def test_a_reported_repository_is_closed(town: Town) -> None:
    await town.report(town.repository.id, "bob", subject="repository", reason="copyright")
    (item,) = await town.items()
    await town.decide(item["id"], "agree")
    answer = await town.get("/ada/net/resolve/main/README.md", "bob")
    assert answer.status_code == 403


async def test_posts_of_private_repositories_are_for_administrators(town: Town) -> None:
    num = await town.discuss("ada")
    number = await town.comment(num, "Inner matters", "nik")
    await town.report(number, "bob")
    private = {"private": True}
    await town.client.put(f"{API}/settings", json=private, headers=town.headers["ada"])
    other = await town.comment(num, "More inner matters", "ada")
    await town.report(other, "ruth")
    seen = await town.items("mia")
    assert all("inner" not in one["text"].lower() for one in seen)
    assert any("inner" in one["text"].lower() for one in await town.items("ruth"))


async def test_nobody_decides_about_what_is_theirs(town: Town) -> None:
    num = await town.discuss("ada")
    number = await town.comment(num, "I moderate", "mia")
    await town.report(number, "bob")
    (item,) = await town.items("max")
    assert (await town.decide(item["id"], "disagree", "mia")).status_code == 403
    assert (await town.decide(item["id"], "disagree", "max")).status_code == 200


async def test_the_queue_is_paged_and_what_weighs_most_comes_first(town: Town) -> None:
    num = await town.discuss("ada")
    numbers = [await town.comment(num, f"Post {n}", "nik") for n in range(3)]
    for number in numbers:
        await town.report(number, "bob")
    await town.report(numbers[1], "eve")
    first = (await town.get("/api/v1/moderation/items?limit=2", "mia")).json()
    more = (
        await town.get(f"/api/v1/moderation/items?limit=2&cursor={first['next_cursor']}", "mia")
    ).json()
    listed = [one["subject_id"] for one in first["items"] + more["items"]]
    assert listed == [numbers[1], numbers[2], numbers[0]]
    assert more["next_cursor"] is None


async def test_links_of_newcomers_come_into_the_queue_and_stand(town: Town) -> None:
    num = await town.discuss("ada")
    await town.comment(num, "I wrote more about this at https://example.org/notes last year", "nik")
    (item,) = await town.items("mia", "?cause=links")
    assert (item["is_held"], item["findings"][0]["code"]) == (False, "links")


async def test_what_looks_like_spam_is_held_at_once(town: Town) -> None:
    num = await town.discuss("ada")
    spam = "https://a.example/x https://b.example/y https://c.example/z https://d.example/w"
    await town.comment(num, spam, "nik")
    (item,) = await town.items("mia", "?cause=held")
    assert item["is_held"]
    assert "a.example" not in (await town.get(f"{API}/discussions/{num}")).text
    assert "hardly more than links" in await town.page(f"/moderation/items/{item['id']}", "mia")


async def test_of_a_post_that_is_held_at_once_people_hear_when_it_stands(
    town: Town, database: Database
) -> None:
    async def told() -> int:
        async with database.transaction() as db:
            found = await db.scalar(text("SELECT count(*) FROM notifications_happening"))
        return int(found or 0)

    num = await town.discuss("ada")
    before = await told()
    spam = "https://a.example/x https://b.example/y https://c.example/z https://d.example/w"
    await town.comment(num, spam, "nik")
    held = await told()
    (item,) = await town.items()
    await town.decide(item["id"], "disagree")
    assert (held, await told()) == (before, before + 1)


async def test_the_queue_costs_as_many_queries_for_many_things_as_for_few(
    town: Town, engine: AsyncEngine
) -> None:
    num = await town.discuss("ada")
    for n in range(6):
        number = await town.comment(num, f"Post {n}", "nik")
        await town.report(number, "bob")
    await town.report(town.repository.id, "bob", subject="repository")
    await town.report(town.people["ada"].id, "bob", subject="account")
    await sign_in(town.client, "mia")
    with statements(engine) as sent:
        assert "Post 5" in (await town.client.get("/moderation")).text
    assert len(sent) <= 12, "\n".join(sent)
