"""What people may write who are new here, and when that ends."""

import time

import httpx
import pytest
from sqlalchemy import text

from app.core.db import Database
from app.core.settings import Settings
from tests.moderation.conftest import API, Town


@pytest.fixture
async def settings(settings: Settings) -> Settings:
    """The product's own numbers, but for the waiting between two posts."""
    names = [name for name in Settings.model_fields if name.startswith("newcomer_")]
    numbers = {name: Settings.model_fields[name].default for name in names}
    numbers |= {"newcomer_topic_every_s": 0, "newcomer_reply_every_s": 0}
    return settings.model_copy(update=numbers)


async def _topic(town: Town, who: str, words: str = "Words") -> httpx.Response:
    return await town.post(f"{API}/discussions", {"title": "Why?", "description": words}, who)


async def _reply(town: Town, num: int, who: str, words: str = "Words") -> httpx.Response:
    return await town.post(f"{API}/discussions/{num}/comment", {"comment": words}, who)


async def _make_established(town: Town, database: Database, name: str) -> None:
    num = await town.discuss("ruth")
    for _ in range(5):
        assert (await _reply(town, num, name)).status_code == 200
    async with database.transaction() as db:
        await db.execute(text("UPDATE accounts_account SET created_at = now() - interval '2 days'"))


async def test_the_fourth_topic_on_day_one_is_refused_with_the_time_left(town: Town) -> None:
    answers = [await _topic(town, "nik") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 86_000 < int(answers[3].headers["retry-after"]) <= 86_400
    assert "3 topics a day" in answers[3].json()["error"]
    assert "23 h" in answers[3].json()["fix"] or "24 h" in answers[3].json()["fix"]


async def test_the_eleventh_reply_is_refused_and_questions_count_like_discussions(
    town: Town,
) -> None:
    num = await town.discuss("ruth")
    answers = [await _reply(town, num, "nik") for _ in range(11)]
    asked = {"title": "How do I freeze a layer?", "body": "Words", "tags": ["overfitting"]}
    topics = [await town.post("/api/v1/questions", asked, "nik") for _ in range(3)]
    fourth = await _topic(town, "nik")
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert [answer.status_code for answer in topics] == [201] * 3
    assert fourth.status_code == 429


async def test_the_established_and_those_who_run_the_site_write_as_they_like(
    town: Town, database: Database
) -> None:
    await _make_established(town, database, "nik")
    for who in ("nik", "ruth", "mia"):
        words = "@a @b @c https://x.example https://y.example www.z.example"
        answers = [await _topic(town, who, words) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200] * 4


@pytest.mark.parametrize(
    "words",
    [
        "https://a.example https://b.example www.c.example",
        "![a](b) ![c](d)",
        "@ada @bob @eve look",
    ],
)
async def test_so_many_links_images_and_names_are_too_much(town: Town, words: str) -> None:
    refused = await _topic(town, "nik", words)
    assert (refused.status_code, refused.json()["code"]) == (422, "newcomer")
    assert "may use at most" in refused.json()["error"]


async def test_a_first_post_typed_faster_than_anybody_can_is_held(town: Town) -> None:
    form = {"title": "Hi", "description": "Hello", "begun": str(int(time.time()))}
    await town.form("/ada/net/discussions", form, "nik")
    slow = {**form, "begun": str(int(time.time()) - 60)}
    await town.form("/ada/net/discussions", slow, "bob")
    (item,) = await town.items()
    assert (item["author"], item["is_held"]) == ("nik", True)
    assert "faster than anybody" in await town.page(f"/moderation/items/{item['id']}", "mia")


async def test_the_form_says_when_it_was_shown(town: Town) -> None:
    assert 'name="begun"' in await town.page("/ada/net/discussions/new", "nik")


async def test_a_newcomers_form_says_what_is_wrong_and_keeps_the_words(town: Town) -> None:
    form = {"title": "Hi", "description": "Kept words @a @b @c"}
    answer = await town.form("/ada/net/discussions", form, "nik")
    assert answer.status_code == 422
    assert "Kept words" in answer.text
