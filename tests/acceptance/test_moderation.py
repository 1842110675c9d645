"""Moderation: reports, the queue, newcomers, what was done in the open."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.settings import Settings
from tests.acceptance.conftest import API, Village, words_of


@pytest.fixture
async def settings(settings: Settings) -> Settings:
    """Newcomers may begin three topics a day, as on a new site."""
    topics = Settings.model_fields["newcomer_topics"].default
    return settings.model_copy(update={"newcomer_topics": topics, "newcomer_typing_s": 0})


async def test_three_reports_hide_a_newcomers_post_and_a_no_brings_it_back(
    village: Village,
) -> None:
    for name in ("nik", "joe"):
        await village.join(name)
    num = await village.discuss("ada")
    said = {"comment": "Buy my thing"}
    answer = await village.post(f"{API}/discussions/{num}/comment", said, "nik")
    number = int(answer.json()["newMessage"]["id"], 16)
    here = f"/ada/net/discussions/{num}"
    for who in ("bob", "eve", "joe"):
        report = {"subject": "comment", "subject_id": number, "reason": "spam"}
        assert (await village.post("/api/v1/reports", report, who)).status_code == 201
    assert "Buy my thing" not in await village.page(here)
    async with village.browser("mia") as mia:
        queue = (await mia.get("/moderation")).text
        assert "Buy my thing" in queue
        item = (await village.get("/api/v1/moderation/items", "mia")).json()["items"][0]["id"]
        decided = await mia.post(
            f"/moderation/items/{item}/decide",
            data={"verdict": "disagree", "reason": "It is kind."},
        )
        assert decided.status_code == 303, decided.text
    assert "Buy my thing" in await village.page(here)
    for who in ("bob", "eve", "joe"):
        assert any("report" in kind for _what, kind in await village.told(who))
    assert "It is kind." in words_of(await village.page("/settings/standing", "nik"))


async def test_the_fourth_topic_on_day_one_is_refused_with_the_time_left(
    village: Village,
) -> None:
    await village.join("nik")
    topic = {"title": "Why?", "description": "Words"}
    answers = [await village.post(f"{API}/discussions", topic, "nik") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 86_000 < int(answers[3].headers["retry-after"]) <= 86_400
    assert " h" in answers[3].json()["fix"]


async def test_each_act_leaves_one_entry_that_nobody_changes(village: Village) -> None:
    await village.join("nik")
    act = {"penalty": "silence", "days": 7, "reason": "Too much noise."}
    where = "/api/v1/moderation/accounts/nik/standing"
    answer = await village.client.put(where, json=act, headers=village.headers["mia"])
    assert answer.is_success, answer.text
    async with village.database.transaction() as db:
        rows = list(await db.scalars(text("SELECT action FROM core_audit")))
    assert rows == ["moderation.silenced"]
    for change in ("UPDATE core_audit SET target = ''", "DELETE FROM core_audit"):
        with pytest.raises(DBAPIError):
            async with village.database.transaction() as db:
                await db.execute(text(change))
    shown = words_of(await village.page("/moderation/log"))
    assert "Too much noise." in shown
    assert "nik" not in shown
